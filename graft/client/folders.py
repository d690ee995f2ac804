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
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".webp", ".avif", ".avifs"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)
"""Ends of file names, in lower case, that are offered to the server; it judges by the bytes alone."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose subfolders are labels.

    Pictures may lie deeper than one level; the label is the first subfolder's name. Files directly in the folder have
    no label and are passed over, as is what begins with a dot. Links to files are followed; links to folders are not,
    wherever they lie: a walk always ends, stays in the folder, and finds nothing under two labels.

    Attributes:
        path: the folder.
        pictures: pictures found when it was counted.
        skipped: what else was found, hidden files apart: other files, links to folders, FIFOs and the like.
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
        for entry in _walk(root):
            counts[not entry.is_labelled] += 1
        return cls(root, *counts)

    def items(self) -> Iterator[LabelledPicture]:
        """Yield the pictures sorted by label and path, one at a time; no more than one folder's names are held."""
        for entry in _walk(self.path):
            if entry.is_labelled:
                yield LabelledPicture(entry.label, entry.path, str(entry.path.relative_to(self.path)))


def picture_files(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield every picture under a folder, sorted, at any depth, also directly in it; links to folders are not followed.

    Raises:
        InvalidArgumentError: a folder cannot be read.
    """
    return (entry.path for entry in _walk(Path(path)) if entry.is_picture)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in the folder that is not walked into; `label` is empty if it lies directly in the folder."""

    label: str
    path: Path

    @property
    def is_picture(self) -> bool:
        # A FIFO or a device would block or never end.
        return self.path.suffix.lower() in PICTURE_SUFFIXES and self.path.is_file()

    @property
    def is_labelled(self) -> bool:
        return bool(self.label) and self.is_picture


def _walk(root: Path) -> Iterator[_Entry]:
    # Sorted by label, the root's own entries first.
    try:
        with os.scandir(root) as entries:
            found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries if not _is_hidden(each.name)]
    except OSError as error:
        raise unreadable(root, error) from error
    found.sort()
    yield from (_Entry("", root / name) for name, is_folder in found if not is_folder)
    for label, is_folder in found:
        if is_folder:
            yield from (_Entry(label, path) for path in _files_below(root / label))


def _files_below(top: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(top, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        # os.walk counts links to folders among the folders, and does not walk into them.
        links = [name for name in folders if Path(directory, name).is_symlink()]
        yield from (Path(directory, name) for name in sorted([*files, *links]) if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _refuse(error: OSError) -> None:
    raise unreadable(error.filename or "the folder", error)
