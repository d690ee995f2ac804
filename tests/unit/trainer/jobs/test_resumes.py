"""A job that goes on in a later process: on what it began with, from where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import CancelledError, FailedPreconditionError
from trainer.fitting.checkpoints import Checkpoint
from trainer.fitting.fit import FittedHead
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.training import Training
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.catalog.examples import ExampleStore
    from trainer.catalog.job_records import Job
    from trainer.catalog.jobs import JobStore
    from trainer.fitting.batches import FloatArray
    from trainer.fitting.checkpoints import Checkpoints
    from trainer.fitting.fit import TrainingData
    from trainer.jobs.folders import JobFolders
    from trainer.recipes import Recipe
    from trainer.registry.registry import Registry


class Features:
    """A vector for every digest but those that are gone."""

    def __init__(self) -> None:
        self.trunk = b"f" * 16
        self.gone: set[bytes] = set()

    def fingerprint(self) -> bytes:
        """Return the present trunk's."""
        return self.trunk

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return four of each digest's bytes as its vector."""
        assert (view, view_seed) == (0, 0)
        found = [digest for digest in digests if digest not in self.gone]
        rows = np.array([list(digest[:4]) for digest in found], np.float32).reshape(-1, 4)
        return rows, [digest for digest in digests if digest in self.gone]


class Fit:
    """Leaves a checkpoint and is broken off, the first time; remembers what it was given."""

    def __init__(self) -> None:
        self.data: list[TrainingData] = []
        self.found: list[Checkpoint | None] = []

    def __call__(
        self,
        recipe: Recipe,
        data: TrainingData,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        checkpoints: Checkpoints,
    ) -> FittedHead:
        """Break off, or make a head of zeros."""
        self.data.append(data)
        self.found.append(checkpoints.load())
        on_progress(Progress(Phase.FITTING, 7, 9, loss=0.5, validation_loss=0.25, validation_accuracy=1.0))
        if len(self.data) == 1:
            checkpoints.save(Checkpoint({"phase": "fitting", "step": 7}, {"weight.0": np.ones(3, "f4")}))
            raise CancelledError("the trainer stops", reason="JOB_CANCELLED")
        layer = heads.Layer(np.zeros((4, data.classes), "f4"), np.zeros(data.classes, "f4"), "linear")
        return FittedHead(heads.Network(np.zeros(4, "f4"), np.ones(4, "f4"), (layer,)), 9, 1, "done", ())


class Begun:
    """A job that was broken off at its first checkpoint."""

    def __init__(self, training: Training, job: Job, features: Features, fit: Fit) -> None:
        self._training, self._job, self.features, self.fit = training, job, features, fit
        self.notes: list[str] = []
        with pytest.raises(CancelledError):
            self.run()

    def run(self) -> int:
        """Run it, or run it again."""
        return self._training.run(self._job, lambda _: None, lambda: False, lambda: None, self.notes.append)


@pytest.fixture
def begun(examples: ExampleStore, registry: Registry, folders: JobFolders, jobs: JobStore, faces: str) -> Begun:
    """Return a job on the faces that was broken off."""
    features, fit = Features(), Fit()
    training = Training(examples, features, registry, folders, fit, "1.2.3")
    return Begun(training, jobs.create(faces, "who", {"kind": "mlp"}), features, fit)


def test_it_goes_on_with_the_pictures_it_began_with(begun: Begun, examples: ExampleStore, faces: str) -> None:
    """Whatever became of the dataset since."""
    digests = [each.digest for each in examples.all_examples(faces)]
    examples.remove_digests(faces, digests[:70])
    assert begun.run() == 1
    before, after = begun.fit.data[:2]  # what follows measures the head
    assert len(after.vectors) == 80
    assert (before.vectors == after.vectors).all()
    assert (before.labels == after.labels).all()
    assert (before.training == after.training).all()
    assert begun.fit.found[0] is None
    assert begun.fit.found[1] is not None
    assert begun.fit.found[1].state["step"] == 7


def test_it_fails_if_its_vectors_are_gone(begun: Begun, examples: ExampleStore, faces: str) -> None:
    """As a job that begins would, and says how many."""
    begun.features.gone = {examples.all_examples(faces)[3].digest}
    with pytest.raises(FailedPreconditionError) as caught:
        begun.run()
    assert caught.value.reason == "FEATURES_MISSING"


def test_it_begins_again_with_another_trunk(begun: Begun) -> None:
    """Weights that were fitted to other vectors are worth nothing; people are told."""
    begun.features.trunk = b"g" * 16
    assert begun.run() == 1
    assert begun.fit.found[:2] == [None, None]
    assert "another trunk" in begun.notes[0]
