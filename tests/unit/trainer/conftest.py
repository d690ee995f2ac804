"""What the trainer's unit tests share: a catalog in a temporary home and small made-up data."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import pytest

from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.examples import ExampleStore, NewExample
from trainer.catalog.jobs import JobStore
from trainer.jobs.folders import FolderSettings, JobFolders
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Return an empty catalog whose clock counts up by one millisecond a look."""
    ticks = itertools.count(1_000)
    opened = Catalog(tmp_path / "catalog.sqlite3", now_ms=lambda: next(ticks))
    yield opened
    opened.close()


@pytest.fixture
def datasets(catalog: Catalog) -> DatasetStore:
    """Return the datasets of the catalog."""
    return DatasetStore(catalog)


@pytest.fixture
def examples(catalog: Catalog) -> ExampleStore:
    """Return the examples of the catalog."""
    return ExampleStore(catalog)


@pytest.fixture
def jobs(catalog: Catalog) -> JobStore:
    """Return the jobs of the catalog."""
    return JobStore(catalog)


@pytest.fixture
def registry(catalog: Catalog, tmp_path: Path) -> Registry:
    """Return a registry with no classifiers."""
    return Registry(ClassifierStore(catalog), HeadDirectory(tmp_path / "heads"))


@pytest.fixture
def folders(tmp_path: Path) -> JobFolders:
    """Return the folders of jobs, none yet; a checkpoint is due at every opportunity."""
    return JobFolders(tmp_path / "jobs", FolderSettings("1.2.3", every_s=0.0, clock=lambda: 0.0))


@pytest.fixture
def faces(datasets: DatasetStore, examples: ExampleStore) -> str:
    """Return the name of a dataset of 80 examples, 20 of each of four labels."""
    datasets.create("faces")
    labels = ["anna", "bert", "čeněk", "dóra"]
    examples.add(
        "faces",
        [NewExample(hashlib.sha256(b"%d" % n).digest(), labels[n % 4], f"{labels[n % 4]}/{n}.jpg") for n in range(80)],
    )
    return "faces"
