"""What a training job does, with made-up vectors and a fit that needs no TensorFlow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import CancelledError, FailedPreconditionError, UnavailableError
from trainer.catalog.examples import NewExample
from trainer.datasets.snapshots import take_snapshot
from trainer.datasets.split import Part
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


class FakeFeatures:
    """Vectors that give the label away: one-hot of the place that the test says the digest has."""

    def __init__(self, places: dict[bytes, int]) -> None:
        self.places = places
        self.away = False
        self.fingerprints = [b"f" * 16]

    def fingerprint(self) -> bytes:
        """Return the next fingerprint, or be away."""
        if self.away:
            raise UnavailableError("the extractor is away", reason="EXTRACTOR_UNAVAILABLE")
        return self.fingerprints.pop() if len(self.fingerprints) > 1 else self.fingerprints[0]

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return the vectors of the digests that have a place."""
        assert (view, view_seed) == (0, 0)
        found = [self.places[digest] for digest in digests if digest in self.places]
        vectors = np.eye(4, dtype=np.float32)[found]
        # a trace of the digest, by which a picture is known again
        vectors[np.arange(len(found)), (np.array(found, int) + 1) % 4] = [
            int.from_bytes(digest[:3], "big") / 2**36 for digest in digests if digest in self.places
        ]
        return vectors, [digest for digest in digests if digest not in self.places]


class FakeFit:
    """Knows the answer: a layer that copies its input; remembers what it was given, at first and in all calls."""

    def __init__(self) -> None:
        self.all_data: list[TrainingData] = []

    @property
    def data(self) -> TrainingData:
        """What the head itself was fitted to."""
        return self.all_data[0]

    def __call__(
        self,
        recipe: Recipe,
        data: TrainingData,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        checkpoints: Checkpoints,
    ) -> FittedHead:
        """Return the head that copies its input."""
        self.all_data.append(data)
        on_progress(Progress(Phase.FITTING, step=1, steps=1))
        layer = heads.Layer(np.eye(4, dtype=np.float32) * 9, np.zeros(4, "f4"), "linear")
        return FittedHead(heads.Network(np.zeros(4, "f4"), np.ones(4, "f4"), (layer,)), 1, 1, "done", ())


@pytest.fixture
def features(examples: ExampleStore, faces: str) -> FakeFeatures:
    """Return vectors for all of the faces."""
    labels = sorted({each.label for each in examples.all_examples(faces)})
    return FakeFeatures({each.digest: labels.index(each.label) for each in examples.all_examples(faces)})


@pytest.fixture
def fit() -> FakeFit:
    """Return a fit that knows the answer."""
    return FakeFit()


@pytest.fixture
def training(
    examples: ExampleStore, features: FakeFeatures, registry: Registry, folders: JobFolders, fit: FakeFit
) -> Training:
    """Return the work of training jobs."""
    return Training(examples, features, registry, folders, fit, "1.2.3")


@pytest.fixture
def job(jobs: JobStore, faces: str) -> Job:
    """Return a job on the faces."""
    return jobs.create(faces, "who", {"kind": "mlp", "seed": 5})


def _run(training: Training, job: Job) -> int:
    return training.run(job, lambda _: None, lambda: False, lambda: None, lambda _: None)


def test_a_job_makes_a_version(
    training: Training, job: Job, registry: Registry, examples: ExampleStore, fit: FakeFit
) -> None:
    """The version's manifest tells what it was made of and how it does on the test part."""
    assert _run(training, job) == 1
    manifest = json.loads(registry.get_version("who", 1).manifest)
    parts = [each.part for each in examples.all_examples("faces")]
    assert manifest["labels"] == ["anna", "bert", "dóra", "čeněk"]
    assert manifest["fingerprint"] == (b"f" * 16).hex()
    assert manifest["recipe"]["kind"] == "mlp"
    assert (manifest["seed"], manifest["code_version"]) == (5, "1.2.3")
    assert manifest["dataset"]["snapshot_sha256"] == take_snapshot(examples.all_examples("faces")).sha256.hex()
    assert {part: manifest["dataset"][part] for part in Part} == {part: parts.count(part) for part in Part}
    assert manifest["metrics"]["test"]["examples"] == parts.count(Part.TEST)
    assert manifest["metrics"]["test"]["accuracy"] == 1.0
    assert (fit.data.vectors[np.arange(80), fit.data.labels] == 1).all()


def test_test_pictures_are_never_trained_on(training: Training, job: Job, fit: FakeFit, examples: ExampleStore) -> None:
    """The rows given to the fit are those of the training and validation parts alone."""
    _run(training, job)
    parts = [each.part for each in examples.all_examples("faces")]
    assert {parts[row] for row in fit.data.training} == {Part.TRAINING}
    assert {parts[row] for row in fit.data.validation} == {Part.VALIDATION}
    assert len(fit.all_data) == 3  # two halves more, to calibrate by
    tested = {fit.data.vectors[row].tobytes() for row, part in enumerate(parts) if part is Part.TEST}
    for data in fit.all_data:
        used = data.vectors[np.concatenate([data.training, data.validation])]
        assert not tested & {vector.tobytes() for vector in used}
        assert not set(data.training) & set(data.validation)


def test_missing_vectors_are_counted_and_named(training: Training, job: Job, features: FakeFeatures) -> None:
    """A job whose vectors are gone says how many, which, and what to do."""
    gone = sorted(features.places)[:7]
    for digest in gone:
        del features.places[digest]
    with pytest.raises(FailedPreconditionError, match="import the same folder again") as caught:
        _run(training, job)
    assert caught.value.reason == "FEATURES_MISSING"
    assert caught.value.metadata == {"missing": "7"}
    assert gone[0].hex() in caught.value.message
    assert gone[6].hex() not in caught.value.message


def test_a_picture_with_two_labels_has_a_row_for_each(
    training: Training, job: Job, examples: ExampleStore, fit: FakeFit
) -> None:
    """An example's vector is its picture's, also where a picture comes twice."""
    twice = examples.all_examples("faces")[0]
    examples.add("faces", [NewExample(twice.digest, "bert" if twice.label != "bert" else "anna", "")])
    _run(training, job)
    assert fit.data.vectors.shape == (81, 4)
    assert (fit.data.vectors[0] == fit.data.vectors[1]).all()
    assert fit.data.labels[0] != fit.data.labels[1]


def test_an_absent_extractor_is_named(training: Training, job: Job, features: FakeFeatures) -> None:
    """Without the extractor the job fails with its reason."""
    features.away = True
    with pytest.raises(UnavailableError) as caught:
        _run(training, job)
    assert caught.value.reason == "EXTRACTOR_UNAVAILABLE"


def test_a_trunk_that_changes_meanwhile_is_refused(training: Training, job: Job, features: FakeFeatures) -> None:
    """Vectors of two trunks are never trained on together."""
    features.fingerprints = [b"2" * 16, b"1" * 16]
    with pytest.raises(FailedPreconditionError) as caught:
        _run(training, job)
    assert caught.value.reason == "FINGERPRINT_CHANGED"


def test_a_changed_trunk_is_told_before_its_missing_vectors(
    training: Training, job: Job, features: FakeFeatures
) -> None:
    """Where the new trunk has no vectors yet, the reason is still that it changed."""
    features.fingerprints = [b"2" * 16, b"1" * 16]
    features.places.clear()
    with pytest.raises(FailedPreconditionError) as caught:
        _run(training, job)
    assert caught.value.reason == "FINGERPRINT_CHANGED"


def test_nothing_is_written_after_a_cancel(training: Training, job: Job, registry: Registry) -> None:
    """A job that is cancelled at the last moment leaves no version."""

    def refuse() -> None:
        raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        training.run(job, lambda _: None, lambda: False, refuse, lambda _: None)
    assert registry.aliased_versions() == ()
