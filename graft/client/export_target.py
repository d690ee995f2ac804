"""Where an export is written: under a temporary name first, then renamed, so that a kill leaves the old or the new."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from graft.client.export_records import ExportFormat
from graft.durable_files import sync_directory
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS: Final = "labels.txt"
_SAVED_MODEL: Final = "saved_model.pb"


@dataclass(frozen=True, slots=True)
class AnnouncedFile:
    """A file that follows: its path below the export with `/`, its size and SHA-256."""

    path: str
    size_bytes: int
    sha256: bytes


class ExportTarget:
    """One export on its way to its place. All methods raise OSError if the system refuses.

    Args:
        path: the file, or the directory of a SavedModel.
        kind: what it is.
        force: whether what is there is replaced.
    """

    def __init__(self, path: Path, kind: ExportFormat, *, force: bool) -> None:
        self._path = path.absolute()
        self._kind = kind
        self._force = force
        self._temporary: Path | None = None
        self._left: list[AnnouncedFile] = []
        self._file: BinaryIO | None = None
        self._written = 0
        self._total: Any = None

    @property
    def path(self) -> Path:
        """The file or directory."""
        return self._path

    @property
    def labels_path(self) -> Path | None:
        """The file of labels beside it; None for a SavedModel, which holds its own."""
        return None if self._kind is ExportFormat.SAVEDMODEL else self._path.with_name(f"{self._path.stem}.{LABELS}")

    def check(self) -> None:
        """Make sure that it can be written, before anybody works for it.

        What is there is replaced only if that was asked for, and a directory only if it is a SavedModel.

        Raises:
            FailedPreconditionError: FILE_EXISTS.
        """
        for each in filter(None, (self._path, self.labels_path)):
            if os.path.lexists(each) and not self._force:
                raise FailedPreconditionError(f"{each} is there already; --force replaces it", reason="FILE_EXISTS")
        if self._path.is_dir() and (self._kind is not ExportFormat.SAVEDMODEL or not self._replaceable()):
            raise FailedPreconditionError(
                f"{self._path} is a directory and no SavedModel: it is not replaced", reason="FILE_EXISTS"
            )
        self._temporary = Path(tempfile.mkdtemp(prefix=f".{self._path.name}.", dir=self._path.parent))
        self._new.mkdir()

    def begin(self, files: Sequence[AnnouncedFile]) -> None:
        """Make room for these files, whose bytes follow in their order.

        Raises:
            DataLossError: EXPORT_DAMAGED, a path leads elsewhere.
        """
        for each in files:
            parts = PurePosixPath(each.path).parts
            if not parts or ".." in parts or PurePosixPath(each.path).is_absolute():
                raise DataLossError(f"the trainer names a file {each.path!r}", reason="EXPORT_DAMAGED")
        self._left = list(files)
        self._next()

    def write(self, chunk: bytes) -> None:
        """Write the next bytes, which are of one file.

        Raises:
            DataLossError: EXPORT_DAMAGED, they are more than were announced, or not those.
        """
        if self._file is None:
            raise DataLossError("the trainer sends more than it announced", reason="EXPORT_DAMAGED")
        self._file.write(chunk)
        self._total.update(chunk)
        self._written += len(chunk)
        if self._written >= self._left[0].size_bytes:
            self._end()
            self._next()

    def place(self) -> None:
        """Give everything its name.

        Raises:
            DataLossError: EXPORT_DAMAGED, files are missing.
        """
        if self._left or self._temporary is None:
            raise DataLossError("the trainer sent less than it announced", reason="EXPORT_DAMAGED")
        if self.labels_path is None:
            for folder in [self._new, *(each for each in self._new.rglob("*") if each.is_dir())]:
                sync_directory(folder)
            if self._path.exists():
                self._path.rename(self._temporary / "old")
            self._new.rename(self._path)
        else:
            (self._new / LABELS).replace(self.labels_path)
            next(self._new.iterdir()).replace(self._path)
        sync_directory(self._path.parent)
        self.discard()

    def discard(self) -> None:
        """Remove what has a temporary name."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    @property
    def _new(self) -> Path:
        if self._temporary is None:
            raise DataLossError("the trainer sent nothing", reason="EXPORT_DAMAGED")
        return self._temporary / "new"

    def _replaceable(self) -> bool:
        return (self._path / _SAVED_MODEL).exists() or not any(self._path.iterdir())

    def _next(self) -> None:
        """Open the next file; one without a byte is whole at once."""
        while self._left:
            path = self._new / self._left[0].path
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file, self._written, self._total = path.open("wb"), 0, hashlib.sha256()
            if self._left[0].size_bytes:
                return
            self._end()

    def _end(self) -> None:
        announced = self._left.pop(0)
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        if (self._written, self._total.digest()) != (announced.size_bytes, announced.sha256):
            raise DataLossError(f"{announced.path} did not arrive as announced: export again", reason="EXPORT_DAMAGED")
