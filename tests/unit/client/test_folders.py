"""A folder as a dataset."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from feature_extractor.decoding.formats import FORMATS
from graft.client import Folder, Part
from graft.client.folders import PICTURE_SUFFIXES, picture_files
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path


def fill(root: Path, *names: str) -> None:
    """Write files with their own names as content."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_a_subfolder_is_a_label_and_the_walk_is_sorted(tmp_path: Path) -> None:
    """Deeper pictures belong to the first subfolder; order does not depend on the disk."""
    fill(tmp_path, "rose/b.JPG", "rose/a.jpg", "lily/deep/er/c.png", "lily/z.pgm")
    folder = Folder.open(tmp_path)
    assert [(item.label, item.source) for item in folder.items()] == [
        ("lily", "lily/z.pgm"),
        ("lily", "lily/deep/er/c.png"),
        ("rose", "rose/a.jpg"),
        ("rose", "rose/b.JPG"),
    ]
    assert (folder.pictures, folder.skipped) == (4, 0)


def test_every_format_that_the_extractor_decodes_has_its_file_names() -> None:
    """What Pillow calls files of those formats; `.mpo` is a JPEG with several pictures, AVIF an option of Pillow's."""
    names = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    assert names | {".mpo", ".avif", ".avifs"} == PICTURE_SUFFIXES


def test_hidden_files_and_other_kinds_are_passed_over_and_counted(tmp_path: Path) -> None:
    """Hidden ones do not count; what is not named like a picture, has no label or is no file counts as skipped."""
    fill(tmp_path, "rose/a.jpg", "rose/.b.jpg", ".hidden/c.jpg", "rose/notes.txt", "loose.jpg")
    os.mkfifo(tmp_path / "rose" / "pipe.jpg")
    (tmp_path / "rose" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    folder = Folder.open(tmp_path)
    assert [item.source for item in folder.items()] == ["rose/a.jpg"]
    assert (folder.pictures, folder.skipped) == (1, 4)


def test_links_to_folders_are_passed_over_and_links_to_files_are_not(tmp_path: Path) -> None:
    """A link out of the folder is not walked, one to another label finds nothing twice, and a loop ends."""
    fill(tmp_path, "elsewhere/a.jpg", "data/rose/b.jpg")
    data = tmp_path / "data"
    (data / "outside").symlink_to(tmp_path / "elsewhere")
    (data / "sibling").symlink_to(data / "rose")
    (data / "rose" / "loop").symlink_to(data)
    (data / "rose" / "file.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    folder = Folder.open(data)
    assert [item.source for item in folder.items()] == ["rose/b.jpg", "rose/file.jpg"]
    assert (folder.pictures, folder.skipped) == (2, 3)
    assert [file.name for file in picture_files(data)] == ["b.jpg", "file.jpg"]


def test_all_pictures_at_any_depth(tmp_path: Path) -> None:
    """For extraction there are no labels, so loose files count."""
    fill(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.gif", "x/readme.md")
    assert [file.relative_to(tmp_path).as_posix() for file in picture_files(tmp_path)] == [
        "a.jpg",
        "x/b.jpg",
        "x/y/c.gif",
    ]


def test_what_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(InvalidArgumentError, match=r"nowhere is not a folder"):
        Folder.open(tmp_path / "nowhere")


def test_a_split_of_the_folders_own_is_kept(tmp_path: Path) -> None:
    """Train, validation and test are parts, not labels, in any case of letters; loose files in them have no label."""
    fill(tmp_path, "Train/rose/a.jpg", "train.jpg", "Train/b.jpg", "VAL/rose/c.jpg", "test/lily/deep/d.jpg")
    folder = Folder.open(tmp_path)
    assert [(item.label, item.source, item.parts) for item in folder.items()] == [
        ("rose", "Train/rose/a.jpg", (Part.TRAIN,)),
        ("rose", "VAL/rose/c.jpg", (Part.VALIDATION,)),
        ("lily", "test/lily/deep/d.jpg", (Part.TEST,)),
    ]
    assert (folder.pictures, folder.skipped) == (3, 2)
    unsplit = Folder.open(tmp_path, own_split=False)
    assert {(item.label, item.parts) for item in unsplit.items()} == {("Train", ()), ("VAL", ()), ("test", ())}


@pytest.mark.parametrize(
    ("held_out", "parts"),
    [
        ("test", {"test": (Part.TEST,), "train": (Part.TRAIN, Part.VALIDATION)}),
        ("validation", {"validation": (Part.VALIDATION, Part.TEST), "train": (Part.TRAIN,)}),
    ],
)
def test_what_a_split_lacks_is_left_to_the_trainer(
    tmp_path: Path, held_out: str, parts: dict[str, tuple[Part, ...]]
) -> None:
    """Without a validation folder a share of train serves, without a test folder one of validation."""
    fill(tmp_path, "train/rose/a.jpg", f"{held_out}/rose/b.jpg")
    assert Folder.open(tmp_path).parts == parts


@pytest.mark.parametrize(
    "names",
    [
        ("train/ice/a.jpg", "bus/red/b.jpg"),
        ("train/ice/a.jpg", "test/ice/b.jpg", "bus/red/c.jpg"),
        ("train/a.jpg", "test/b.jpg"),
        ("train/ice/a.jpg",),
        ("val/ice/a.jpg", "test/ice/b.jpg"),
        ("train/ice/a.jpg", "val/ice/b.jpg", "valid/ice/c.jpg"),
    ],
)
def test_what_only_looks_like_a_split_is_labels(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A class may be called train: other folders beside it, none below, or no other part, and it is a label."""
    fill(tmp_path, *names)
    folder = Folder.open(tmp_path)
    assert folder.parts == {}
    assert {item.label for item in folder.items()} == {name.split("/")[0] for name in names}
