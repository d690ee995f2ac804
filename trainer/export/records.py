"""What an export is asked to be, and what it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import tempfile
    from pathlib import Path

    from trainer.export.comparing import Comparison
    from trainer.export.task import ExportFormat

_READ_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be exported.

    Attributes:
        classifier: its name.
        version: its version.
        format: what to write.
        dataset: whose pictures are compared; empty for the one that the version was trained on.
    """

    classifier: str
    version: int
    format: ExportFormat
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export: its path below the export with `/`, where it is, its size and SHA-256."""

    name: str
    path: Path
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """A network that was checked.

    Attributes:
        folder: holds the files; it is removed with this object, or by its `cleanup`.
        files: sorted by name.
        fingerprint: of the trunk, 16 bytes.
        labels: in output order.
        left_out: tensors of the head that the network does not hold.
        dataset: whose pictures were compared.
        comparison: what came of it.
    """

    folder: tempfile.TemporaryDirectory[str]
    files: tuple[ExportedFile, ...]
    fingerprint: bytes
    labels: tuple[str, ...]
    left_out: tuple[str, ...]
    dataset: str
    comparison: Comparison


def files_in(folder: Path) -> list[ExportedFile]:
    """Return all files below a folder, sorted by path, each read once for its SHA-256."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        total = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                total.update(chunk)
        found.append(ExportedFile(path.relative_to(folder).as_posix(), path, path.stat().st_size, total.digest()))
    return found
