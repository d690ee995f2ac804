"""`graft trunk quantize`: what it refuses at once, and how it prints losses; the whole run is an integration test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from feature_extractor.tools.quantize import main, print_losses, weights_of
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.quantised.making import build_float32, work_folder
from feature_extractor.trunks.quantised.manifest import CosineLoss, HeadLoss, Manifest
from feature_extractor.trunks.weights.record import RECORD_NAME, Resolution, TrunkRecord, TrunkRequest
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = HeadLoss(12, 416, 5, 0.84436, 0.84192, -0.2404, -0.681, 0.2003)


def manifest(pictures: int, held_out: int, head: HeadLoss | None) -> Manifest:
    """A manifest of a network calibrated on so many pictures and measured on so many others."""
    return Manifest(
        weights="nsfwjs",
        base_weights_sha256="ab" * 32,
        layer="mixed7",
        preprocessing="pil-antialias-299-v1",
        dimensions=768,
        files={},
        versions={},
        pictures=pictures,
        pictures_sha256="cd" * 32,
        made_at="2026-11-24T08:00:00.000000+00:00",
        cosine=CosineLoss(held_out, 0.99964, 0.99822, 0.99607),
        head=head,
    )


def test_losses_are_two_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Cosines with five digits, accuracies with their difference in points and its interval; no remarks."""
    print_losses(manifest(300, 116, HEAD))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[1][-4:] == ["116", "0.99964", "0.99822", "0.99607"]
    assert lines[3][2:] == ["12", "416", "0.8444", "0.8419", "-0.24", "points", "-0.68", "to", "+0.20"]
    assert len(lines) == 4


def test_few_pictures_and_missing_labels_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """What the figures cannot be trusted for is printed beside them."""
    print_losses(manifest(34, 8, None))
    out = capsys.readouterr().out
    assert "calibrated on 34 pictures only" in out
    assert "measured on 8 pictures only" in out
    assert "a head was not compared" in out


def test_frozen_graphs_and_no_pictures_are_refused(tmp_path: Path) -> None:
    """A .pb file cannot be quantised, nor can a network be calibrated on nothing."""
    arguments = ["--from", str(tmp_path), "--home", str(tmp_path)]
    with pytest.raises(InvalidArgumentError, match="frozen graph") as caught:
        main([*arguments, "--weights", "inception.pb"])
    assert caught.value.reason == "ENGINE_UNSUPPORTED"
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        main([*arguments, "--pictures", "0"])


@pytest.mark.tensorflow
def test_the_home_tells_what_auto_is_and_which_weights(tmp_path: Path) -> None:
    """As with an extractor's start: other weights than those on record are not quantised."""
    identity = TrunkIdentity("ab" * 32, "mixed7", "pil-antialias-299-v1", 299, "float32", "tensorflow")
    record = TrunkRecord(tmp_path / "weights" / RECORD_NAME)
    record.add(Resolution(TrunkRequest("auto"), "random:1", identity, "the second choice"))
    with pytest.raises(FailedPreconditionError, match="the weights random:1 have the SHA-256") as caught:
        build_float32(tmp_path, "auto", "mixed0")
    assert caught.value.reason == "WEIGHTS_CHANGED"


def test_a_file_is_told_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are taken as they are."""
    monkeypatch.chdir(tmp_path)
    assert [weights_of(each) for each in ("auto", "imagenet", "own.keras")] == [
        "auto",
        "imagenet",
        str(tmp_path / "own.keras"),
    ]


@pytest.mark.tensorflow
@pytest.mark.openvino
def test_a_second_quantisation_builds_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before it takes seconds and a gigabyte."""
    monkeypatch.setattr("feature_extractor.tools.quantize.read_pictures", lambda *_: SimpleNamespace(skipped=()))
    monkeypatch.setattr("feature_extractor.tools.quantize.build_float32", lambda *_: pytest.fail("it was built"))
    with work_folder(tmp_path), pytest.raises(FailedPreconditionError) as caught:
        main(["--from", str(tmp_path), "--home", str(tmp_path)])
    assert caught.value.reason == "QUANTIZE_RUNNING"


def test_one_quantisation_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first runs; what a killed one left is removed by the next."""
    left = tmp_path / "weights" / "quantising" / "float32.pb"
    left.parent.mkdir(parents=True)
    left.touch()
    with work_folder(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        (folder / "pixels.npy").touch()
        with pytest.raises(FailedPreconditionError) as caught, work_folder(tmp_path):
            pass
        assert caught.value.reason == "QUANTIZE_RUNNING"
        assert (folder / "pixels.npy").exists()
    assert list((tmp_path / "weights").iterdir()) == []
