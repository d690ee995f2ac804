"""Pictures for a quantisation: drawn alike at each run, none twice, some always held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.quantised.pictures import calibration_count, read_pictures
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path


def draw(path: Path, shade: int) -> None:
    """A small picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, shade, 255 - shade)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures under two labels, and one that lies directly in the folder."""
    for index in range(12):
        draw(tmp_path / ("cats" if index % 2 else "dogs") / f"{index}.png", index)
    draw(tmp_path / "loose.png", 200)
    return tmp_path


@pytest.mark.parametrize(
    ("count", "wanted", "calibrating"), [(10, 300, 8), (400, 300, 300), (400, 390, 320), (13, 5, 5), (1000, 300, 300)]
)
def test_one_in_five_is_held_out_at_least(count: int, wanted: int, calibrating: int) -> None:
    """As many are calibrated on as wanted, but never so many that fewer than a fifth are left to measure with."""
    assert calibration_count(count, wanted) == calibrating


def test_labels_are_the_subfolders(folder: Path) -> None:
    """Each picture has its folder's name, a loose one none, and its own pixels."""
    pictures = read_pictures(folder, 300, DecodeLimits())
    assert pictures.pixels.shape == (13, 299, 299, 3)
    assert pictures.calibrating == 11
    by_blue = {int(pixels[0, 0, 2]): label for pixels, label in zip(pictures.pixels, pictures.labels, strict=True)}
    assert by_blue[55] == ""
    assert by_blue[255] == "dogs"
    assert by_blue[254] == "cats"


def test_draw_is_the_same_at_each_run(folder: Path) -> None:
    """The same folder gives the same pictures in the same order, mixed, and the same digest of them."""
    first, second = (read_pictures(folder, 5, DecodeLimits()) for _ in range(2))
    assert first.digests == second.digests
    assert first.calibration_sha256 == second.calibration_sha256
    assert first.calibrating == 5
    assert np.array_equal(first.pixels, second.pixels)
    assert set(first.labels[:5]) == {"cats", "dogs"}


def test_no_picture_is_held_out_and_calibrated_on(folder: Path) -> None:
    """A copy of a picture under another name is passed over."""
    (folder / "cats" / "copy.png").write_bytes((folder / "loose.png").read_bytes())
    assert len(read_pictures(folder, 300, DecodeLimits()).digests) == 13


def test_unreadable_pictures_are_named(folder: Path) -> None:
    """What is no picture is listed with its reason, and the others are taken."""
    (folder / "cats" / "page.jpg").write_bytes(b"<html>not found</html>")
    pictures = read_pictures(folder, 300, DecodeLimits())
    assert len(pictures.labels) == 13
    assert len(pictures.skipped) == 1
    assert pictures.skipped[0].startswith("cats/page.jpg: not a picture")


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    """Nine pictures are told to be too few, with what could not be read."""
    for index in range(9):
        draw(tmp_path / f"{index}.png", index)
    (tmp_path / "broken.png").write_bytes(b"")
    with pytest.raises(FailedPreconditionError, match=r"holds 9 different pictures.*broken\.png") as caught:
        read_pictures(tmp_path, 300, DecodeLimits())
    assert caught.value.reason == "TOO_FEW_PICTURES"


def test_folder_must_be_one(tmp_path: Path) -> None:
    """A path that is not there is refused by name."""
    with pytest.raises(InvalidArgumentError, match="nowhere is not a folder"):
        read_pictures(tmp_path / "nowhere", 300, DecodeLimits())
