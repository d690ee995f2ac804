"""A folder as a dataset: a subfolder is a label; hidden files and what is not named like a picture are passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graft.client.pictures import LabelledPicture, unreadable
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
"""Ends of file names, in lower case, that are offered to the server; it judges by the bytes alone."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose subfolders are labels.

    Pictures may lie deeper than one level; the label is the first subfolder's name. Files directly in the folder have
    no label and are passed over, as is what begins with a dot. Links to files are followed, links to folders below
    the labels are not, so that a walk always ends.

    Attributes:
        path: the folder.
        pictures: pictures found when it was counted.
        skipped: other files found.
    """

    path: Path
    pictures: int
    skipped: int

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Folder:
        """Count what is in the folder.

        Raises:
            InvalidArgumentError: it is not a folder, or it cannot be read.
        """
        root = Path(path)
        if not root.is_dir():
            raise InvalidArgumentError(f"{root} is not a folder", reason="NOT_A_FOLDER")
        counts = [0, 0]
        for _, file in _walk(root):
            counts[not _labelled_picture(root, file)] += 1
        return cls(root, *counts)

    def items(self) -> Iterator[LabelledPicture]:
        """Yield the pictures sorted by label and path, one at a time; no more than one folder's names are held."""
        for label, file in _walk(self.path):
            if _labelled_picture(self.path, file):
                yield LabelledPicture(label, file, str(file.relative_to(self.path)))


def picture_files(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield every picture under a folder, sorted, at any depth, also directly in it."""
    return (file for _, file in _walk(Path(path)) if _is_picture(file))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURE_SUFFIXES


def _labelled_picture(root: Path, file: Path) -> bool:
    return _is_picture(file) and file.parent != root


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    # Yields (label, file), sorted by label; the label is the first part of the path under the root, and empty for the
    # root's own files.
    with os.scandir(root) as entries:
        names = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    yield from (("", root / name) for name, is_folder in names if not is_folder and (root / name).is_file())
    for label, is_folder in names:
        if is_folder:
            yield from ((label, file) for file in _files_below(root / label))


def _files_below(top: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(top, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(directory, name)
            # A FIFO or a device would block or never end.
            if not name.startswith(".") and file.is_file():
                yield file


def _refuse(error: OSError) -> None:
    raise unreadable(error.filename or "the folder", error)
