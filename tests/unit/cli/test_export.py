"""`graft export` against a fake gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_it_tells_size_and_what_was_compared(graft: Any, gateway: Any, elsewhere: Path) -> None:
    """The file is called after the version, the labels lie beside it, and every number is printed."""
    result = graft("export", "faces@3", "--format", "onnx")
    assert result.exit_code == 0
    asked = gateway.state.requests[-1]
    assert (asked.classifier, asked.version, asked.dataset) == ("faces", 3, "")
    assert asked.format == trainer_pb2.EXPORT_FORMAT_ONNX
    assert (elsewhere / "faces-3.onnx").stat().st_size == 700
    assert (elsewhere / "faces-3.labels.txt").read_text() == "ann\nbob\n"
    said = " ".join(result.stdout.split())
    assert "faces-3.onnx 708 B, 2 labels, labels in faces-3.labels.txt" in said
    assert "compared on 50 previews of faces" in said
    assert "within 2.0e-06 of the float32 trunk and head" in said
    assert "within 1.5e-02 of those, in bfloat16" in said
    assert "the services' label first for 49 of 50, probabilities within 2.5e-02" in said
    assert "unknown.centres" in result.stderr


@pytest.mark.parametrize(("named", "version"), [("faces", 1), ("faces@production", 1), ("faces@best", 7)])
def test_an_alias_stands_for_its_version(graft: Any, gateway: Any, named: str, version: int) -> None:
    """Without one, production does."""
    gateway.state.aliases["faces"] = {"production": 1, "best": 7}
    assert graft("export", named, "--format", "tflite", "--to", "x.tflite").exit_code == 0
    assert gateway.state.requests[-1].version == version


def test_an_alias_that_is_not_there_is_named(graft: Any, gateway: Any) -> None:
    """Nothing is asked for."""
    gateway.state.aliases["faces"] = {"production": 1}
    result = graft("export", "faces@best", "--format", "tflite")
    assert result.exit_code == 1
    assert "no alias 'best'" in result.stderr
    assert not any(hasattr(each, "format") for each in gateway.state.requests)


def test_what_is_there_is_replaced_with_force_only(graft: Any, elsewhere: Path) -> None:
    """The refusal says how."""
    (elsewhere / "x.onnx").write_text("mine")
    refused = graft("export", "faces@3", "--format", "onnx", "--to", "x.onnx")
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert (elsewhere / "x.onnx").read_text() == "mine"
    assert graft("export", "faces@3", "--format", "onnx", "--to", "x.onnx", "--force").exit_code == 0
    assert (elsewhere / "x.onnx").read_bytes().startswith(b"network")


def test_a_folder_that_is_not_there_is_named(graft: Any, gateway: Any) -> None:
    """Before the trainer works for it."""
    result = graft("export", "faces@3", "--format", "onnx", "--to", "nowhere/x.onnx")
    assert result.exit_code == 1
    assert "CANNOT_WRITE" in result.stderr
    assert not gateway.state.requests


def test_json_holds_all_of_it(graft: Any) -> None:
    """For programs."""
    printed = json.loads(graft("export", "faces@3", "--format", "graphdef", "--json").stdout)
    assert (printed["format"], printed["pictures"], printed["same_labels"]) == ("graphdef", 50, 49)
    assert printed["labels"] == ["ann", "bob"]
    assert printed["path"].endswith("faces-3.pb")
