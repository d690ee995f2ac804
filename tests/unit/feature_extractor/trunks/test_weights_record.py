"""The record of a home's trunks: what was resolved once stays so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.weights.record import Resolution, TrunkRecord, TrunkRequest
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = TrunkIdentity("ab" * 32, "mixed7", "pil-antialias-299-v1", 299, "bfloat16", "tensorflow")
RESOLUTION = Resolution(TrunkRequest(), "nsfwjs", IDENTITY, "because")


def test_entries_are_read_by_another_process(tmp_path: Path) -> None:
    """Each request has an entry of its own; the oldest comes first."""
    path = tmp_path / "weights" / "resolved.json"
    other = replace(RESOLUTION, request=TrunkRequest("nsfwjs", "avg_pool", "float32"))
    TrunkRecord(path).add(RESOLUTION)
    TrunkRecord(path).add(other)
    assert TrunkRecord(path).entries() == [RESOLUTION, other]
    assert json.loads(path.read_text())["trunks"][0]["fingerprint"] == IDENTITY.fingerprint.hex()


def test_a_record_of_one_engine_serves_as_before(tmp_path: Path) -> None:
    """An entry written before there were engines and graphs is of a request that leaves them out."""
    path = tmp_path / "resolved.json"
    TrunkRecord(path).add(RESOLUTION)
    content = json.loads(path.read_text())
    for name in ("engine", "graph_input", "graph_output"):
        del content["trunks"][0]["request"][name]
    del content["trunks"][0]["quantised_from"]
    path.write_text(json.dumps(content))
    assert TrunkRecord(path).entries() == [RESOLUTION]


def test_a_quantised_trunk_is_recorded_with_its_origin(tmp_path: Path) -> None:
    """The float32 weights that it was made from come back."""
    quantised = replace(RESOLUTION, request=TrunkRequest(precision="int8"), quantised_from="cd" * 32)
    TrunkRecord(tmp_path / "resolved.json").add(quantised)
    assert TrunkRecord(tmp_path / "resolved.json").entries() == [quantised]


def test_empty_home_has_no_record(tmp_path: Path) -> None:
    """A first start finds nothing, and looking writes nothing."""
    assert TrunkRecord(tmp_path / "resolved.json").entries() == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2, "trunks": []}', '{"version": 1, "trunks": [{}]}'])
def test_unreadable_record_is_never_taken_for_none(tmp_path: Path, content: str) -> None:
    """A damaged record stops the start: resolving anew could change the fingerprint silently."""
    path = tmp_path / "resolved.json"
    path.write_text(content)
    with pytest.raises(FailedPreconditionError) as caught:
        TrunkRecord(path).entries()
    assert caught.value.reason == "RECORD_UNREADABLE"


def test_edited_entry_is_refused(tmp_path: Path) -> None:
    """An entry whose fields no longer give its fingerprint is refused."""
    path = tmp_path / "resolved.json"
    TrunkRecord(path).add(RESOLUTION)
    path.write_text(path.read_text().replace("mixed7", "mixed8"))
    with pytest.raises(FailedPreconditionError, match="has been changed"):
        TrunkRecord(path).entries()
