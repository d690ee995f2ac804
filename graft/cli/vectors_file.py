"""Writes vectors and what belongs to them as one .npz, without holding the vectors in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from graft.cli.file_errors import writing
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from types import TracebackType

    from graft.client import Feature


class VectorsFile:
    """An .npz in the making; it appears under its name when it is complete, or not at all.

    Arrays: vectors float32[n, dimensions], digests uint8[n, 32], names and labels as text[n], views uint32[n] (0 for a
    picture as it is, else the number of its extra view), fingerprint uint8[16], view_rule as text and view_seed uint64:
    how the extra views were drawn.
    """

    def __init__(self, path: Path, view_rule: str, view_seed: int) -> None:
        self._path = path
        self._view_rule = view_rule
        self._view_seed = view_seed
        with writing(path):
            self._raw: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed by __exit__
        self._rows: list[tuple[bytes, str, str, int]] = []
        self._fingerprint = b""
        self._dimensions = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what it still wanted to write went wrong before, and is not wanted any more
            self._raw.close()

    @property
    def count(self) -> int:
        """Vectors so far."""
        return len(self._rows)

    def add(self, feature: Feature, name: str, label: str) -> None:
        """Add a picture's vector, and those of its extra views after it.

        Raises:
            FailedPreconditionError: it is another trunk's than the first one, or it cannot be written.
        """
        assert feature.vector is not None  # noqa: S101 - refused pictures are not added
        if self._fingerprint not in {b"", feature.fingerprint}:
            raise FailedPreconditionError(
                "the extractor changed its trunk in the middle; extract again", reason="FINGERPRINT_MISMATCH"
            )
        self._fingerprint, self._dimensions = feature.fingerprint, feature.vector.shape[0]
        with writing(self._path):
            for view, vector in ((0, feature.vector), *((each.view, each.vector) for each in feature.views)):
                self._raw.write(vector.astype("<f4").tobytes())
                self._rows.append((feature.digest, name, label, view))

    def finish(self) -> None:
        """Write the file, synced, under a temporary name, then give it its own.

        Raises:
            FailedPreconditionError: it cannot be written.
        """
        with writing(self._path):
            self._finish()

    def _finish(self) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._write(file)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _write(self, file: IO[bytes]) -> None:
        digests, names, labels, views = zip(*self._rows, strict=True)
        small: dict[str, np.ndarray[Any, Any]] = {
            "digests": np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32),
            "names": np.array(names, dtype=np.str_),
            "labels": np.array(labels, dtype=np.str_),
            "views": np.array(views, dtype=np.uint32),
            "fingerprint": np.frombuffer(self._fingerprint, np.uint8),
            "view_rule": np.array(self._view_rule, dtype=np.str_),
            "view_seed": np.array(self._view_seed, dtype=np.uint64),
        }
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            with archive.open("vectors.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": (len(self._rows), self._dimensions)}
                np.lib.format.write_array_header_1_0(member, header)
                self._raw.seek(0)
                shutil.copyfileobj(self._raw, member, 1024 * 1024)
            for array, values in small.items():
                with archive.open(f"{array}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)
