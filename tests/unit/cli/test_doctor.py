"""`graft doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def faces(gateway: Any) -> str:
    """Return a dataset that the fake trainer finds something wrong with."""
    gateway.state.datasets["faces"] = {}
    return "faces"


def test_the_findings_are_tables_with_advice(graft: Any, faces: str) -> None:
    """Each kind that was found has its count, its advice and its pictures; the others are not named."""
    done = graft("doctor", faces, "--limit", "2")
    assert done.exit_code == 0, done.output
    for expected in (
        "1 near duplicates, 1 groups",
        "Keep one.",
        "anna/1.jpg (anna, train)",
        "anna/2.jpg (anna, test)",
        "30 likely wrong labels",
        "87.5 %",
        "and 28 more",
        "1 small classes",
        "5 pictures under several labels",
        "and 3 more",
    ):
        assert expected in done.stdout
    assert done.stdout.count("anna/3.jpg") == 2
    assert "unlike" not in done.stdout


def test_a_page_is_written_beside_the_tables(graft: Any, gateway: Any, faces: str, tmp_path: Path) -> None:
    """The trainer is asked for it, and for more findings than are printed."""
    page = tmp_path / "doctor.html"
    assert graft("doctor", faces, "--limit", "1", "--page", page).exit_code == 0
    assert page.read_bytes() == b"<html>"
    request = gateway.state.requests[-1]
    assert (request.include_page, request.max_findings) == (True, 100)


def test_json_has_all_of_it_but_the_page(graft: Any, faces: str) -> None:
    """Programs get digests in hexadecimal, kinds and parts by name."""
    found = json.loads(graft("doctor", faces, "--json", "--limit", "1").stdout)
    assert "page" not in found
    near, wrong = found["lists"][:2]
    assert near["findings"][0]["pictures"][1] == {
        "digest": b"b".hex() * 32,
        "label": "anna",
        "source": "anna/2.jpg",
        "part": "test",
        "further_sources": [],
    }
    assert (wrong["kind"], wrong["total"], len(wrong["findings"])) == ("mislabelled", 30, 1)


def test_a_sound_dataset_is_said_to_be(graft: Any) -> None:
    """In one sentence."""
    assert "nothing wrong was found" in graft("doctor", "sound").stdout
