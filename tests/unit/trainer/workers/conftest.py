"""What the tests of workers share: a small set to fit, a task in a folder, and a job's checkpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer import recipes
from trainer.fitting.fit import TrainingData
from trainer.jobs.checkpoints import JobCheckpoints
from trainer.recipes import SoftmaxRecipe
from trainer.workers.task import Task, new_attempt, write_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGIN = {"code_version": "1", "fingerprint": "f", "snapshot_sha256": "s"}


@pytest.fixture(scope="session")
def data() -> TrainingData:
    """Return 300 vectors around five centres, non-negative as a trunk's are; every fifth is held out."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 300).astype(np.int32)
    vectors = np.maximum(rng.normal(size=(5, 40))[labels] + rng.normal(0, 0.7, (300, 40)), 0).astype(np.float32)
    rows = np.arange(300, dtype=np.int32)
    return TrainingData(vectors, labels, rows[rows % 5 > 1], rows[rows % 5 == 1], 5)


@pytest.fixture(scope="session")
def checkpoints_in() -> Callable[[Path, list[str]], JobCheckpoints]:
    """Return what makes a job's checkpoints in a folder; notes go to a list, and one is due as often as can be."""

    def make(folder: Path, notes: list[str]) -> JobCheckpoints:
        folder.mkdir(parents=True, exist_ok=True)
        return JobCheckpoints(folder / "checkpoint.safetensors", ORIGIN, notes.append, 0.0, time.monotonic)

    return make


@pytest.fixture
def task(tmp_path: Path, data: TrainingData) -> Task:
    """Return a task for two workers that would take them an hour, written to `tmp_path`/workers."""
    recipe = recipes.to_dict(SoftmaxRecipe(steps=10_000_000, workers=2))
    made = Task(new_attempt(), 2, 1, recipe, data.classes, "../checkpoint.safetensors", ORIGIN, 2.0)
    write_task(tmp_path / "workers", made, data)
    return made
