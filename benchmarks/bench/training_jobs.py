"""One whole training job as the trainer does it, from the snapshot to the version on disk, on made-up pictures."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.examples import ExampleStore, NewExample
from trainer.catalog.jobs import JobStore
from trainer.fitting.fit import fit
from trainer.jobs.folders import FolderSettings, JobFolders
from trainer.jobs.training import Training
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.jobs.progress import Progress

    Pieces = Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]

_NAME = "made-up"


class FileVectors:
    """Vectors in a file, read row by row, so that this side of the measurement has none in its memory."""

    def __init__(self, path: Path, dimensions: int) -> None:
        self._path, self._dimensions = path, dimensions

    def fingerprint(self) -> bytes:
        """Of no trunk."""
        return bytes(16)

    def lookup(
        self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0
    ) -> tuple[NDArray[np.float32], list[bytes]]:
        """Return float32[n, d] of digests that `digest_of` made; there is one view, the plain."""
        if view or view_seed:
            raise ValueError("there are no views")
        found = np.empty((len(digests), self._dimensions), np.float32)
        size = found.strides[0]
        with self._path.open("rb") as file:
            for place, digest in enumerate(digests):
                file.seek(int.from_bytes(digest[-4:], "big") * size)
                found[place] = np.frombuffer(file.read(size), np.float32)
        return found, []


def digest_of(row: int) -> bytes:
    """Return 32 bytes that sort at random and end with the row."""
    return hashlib.sha256(str(row).encode()).digest()[:28] + row.to_bytes(4, "big")


def train(home: Path, recipe: dict[str, Any], pieces: Pieces) -> dict[str, Any]:
    """Fill a catalog with the pieces (vectors float32[n, d], labels int32[n]), then do a job; only that is timed.

    Returns:
        `seconds` of the job, `phases` with the seconds until each began, and `accuracy` on the test part.
    """
    catalog = Catalog(home / "catalog.sqlite3")
    examples, row = ExampleStore(catalog), 0
    DatasetStore(catalog).create(_NAME)
    path = home / "vectors.f32"
    with path.open("wb") as file:
        for vectors, labels in pieces:
            vectors.tofile(file)
            examples.add(_NAME, [NewExample(digest_of(row + at), f"{each:04}", "") for at, each in enumerate(labels)])
            row, dimensions = row + len(labels), vectors.shape[1]
    registry = Registry(ClassifierStore(catalog), HeadDirectory(home / "heads"))
    folders = JobFolders(home / "jobs", FolderSettings("benchmark"))
    training = Training(examples, FileVectors(path, dimensions), registry, folders, fit, "benchmark")
    job = JobStore(catalog).create(_NAME, _NAME, recipe)
    phases: dict[str, float] = {}
    began = time.perf_counter()
    version = training.run(job, _noting(phases, began), lambda: False, lambda: None, lambda _: None)
    seconds = time.perf_counter() - began
    metrics = json.loads(registry.get_version(_NAME, version).manifest)["metrics"]
    catalog.close()
    return {"seconds": seconds, "phases": phases, "accuracy": metrics["test"]["accuracy"]}


def _noting(phases: dict[str, float], began: float) -> Callable[[Progress], None]:
    def note(progress: Progress) -> None:
        phases.setdefault(str(progress.phase), round(time.perf_counter() - began, 2))

    return note
