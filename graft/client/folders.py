"""A folder as a dataset: a subfolder is a label; hidden files and what is not named like a picture are passed over.

A folder may bring its own split: `train/`, `val/` or `validation/`, and `test/`, with the labels below.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graft.client.pictures import LabelledPicture, unreadable
from graft.client.records import Part
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PICTURE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".webp", ".avif", ".avifs"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)
"""Ends of file names, in lower case, that are offered to the server; it judges by the bytes alone."""


_PART_FOLDERS: Final = {
    "train": Part.TRAIN,
    "val": Part.VALIDATION,
    "valid": Part.VALIDATION,
    "validation": Part.VALIDATION,
    "test": Part.TEST,
}


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose subfolders are labels.

    Pictures may lie deeper than one level; the label is the first subfolder's name. Files directly in the folder have
    no label and are passed over, as is what begins with a dot. Links to files are followed; links to folders are not,
    wherever they lie: a walk always ends, stays in the folder, and finds nothing under two labels.

    A folder has a split of its own if its subfolders are `train` and one or two of `val`, `valid` or `validation`, and
    `test`, in upper or lower case, and nothing else, with subfolders in each of them; those are the labels then. Where
    it lacks one of the two, an eighth of `train` serves for validation, or two thirds of the validation folder for the
    test: the trainer chooses which. A folder with other subfolders beside them, such as `bus` beside `train`, has none.

    Attributes:
        path: the folder.
        pictures: pictures found when it was counted.
        skipped: what else was found, hidden files apart: other files, links to folders, FIFOs and the like.
        parts: the parts that the pictures of a subfolder may be placed in, by its name; empty without its own split.
    """

    path: Path
    pictures: int
    skipped: int
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, own_split: bool = True) -> Folder:
        """Count what is in the folder, and see whether it has a split of its own unless `own_split` is False.

        Raises:
            InvalidArgumentError: it is not a folder, or it cannot be read.
        """
        root = Path(path)
        if not root.is_dir():
            raise InvalidArgumentError(f"{root} is not a folder", reason="NOT_A_FOLDER")
        parts = _own_split(root) if own_split else {}
        counts = [0, 0]
        for _, entry in _walk_parts(root, parts):
            counts[not entry.is_labelled] += 1
        return cls(root, counts[0], counts[1], parts)

    def items(self) -> Iterator[LabelledPicture]:
        """Yield the pictures sorted by part, label and path, one at a time; only one folder's names are held."""
        for parts, entry in _walk_parts(self.path, self.parts):
            if entry.is_labelled:
                source = str(entry.path.relative_to(self.path))
                yield LabelledPicture(entry.label, entry.path, source, parts)


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


def _own_split(root: Path) -> dict[str, tuple[Part, ...]]:
    """Return the parts of the subfolders' pictures; empty if the folder has no split of its own."""
    folders = {name: _PART_FOLDERS.get(name.lower()) for name, is_folder in _entries(root) if is_folder}
    parts = list(folders.values())
    if None in parts or Part.TRAIN not in parts or len(parts) == 1 or len(set(parts)) < len(parts):
        return {}
    if not all(any(is_folder for _, is_folder in _entries(root / name)) for name in folders):
        return {}
    allowed: dict[Part, tuple[Part, ...]] = {part: (part,) for part in Part}
    if Part.VALIDATION not in parts:
        allowed[Part.TRAIN] = (Part.TRAIN, Part.VALIDATION)
    if Part.TEST not in parts:
        allowed[Part.VALIDATION] = (Part.VALIDATION, Part.TEST)
    return {name: allowed[part] for name, part in folders.items() if part is not None}


def _walk_parts(root: Path, parts: Mapping[str, tuple[Part, ...]]) -> Iterator[tuple[tuple[Part, ...], _Entry]]:
    if not parts:
        yield from (((), entry) for entry in _walk(root))
        return
    yield from (((), _Entry("", root / name)) for name, is_folder in _entries(root) if not is_folder)
    for name, allowed in sorted(parts.items()):
        yield from ((allowed, entry) for entry in _walk(root / name))


def _entries(root: Path) -> list[tuple[str, bool]]:
    """Return the names in a folder, sorted, and which of them are folders; hidden ones are left out."""
    try:
        with os.scandir(root) as entries:
            found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries if not _is_hidden(each.name)]
    except OSError as error:
        raise unreadable(root, error) from error
    return sorted(found)


def _walk(root: Path) -> Iterator[_Entry]:
    # Sorted by label, the root's own entries first.
    found = _entries(root)
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
