"""Runs the methods over the folds and measures accuracy and time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from graft.errors import FailedPreconditionError, InvalidArgumentError, Violation
from trainer.comparison import methods
from trainer.comparison.folds import check_enough, stratified_folds
from trainer.datasets.snapshots import check_trainable, take_snapshot
from trainer.datasets.vectors import FeatureSource, load_vectors
from trainer.diagnosis.near_duplicates import near_pairs
from trainer.evaluation.intervals import wilson_interval
from trainer.fitting.fit import TrainingData
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trainer.catalog.examples import ExampleStore
    from trainer.comparison.folds import Fold
    from trainer.comparison.methods import Fit
    from trainer.datasets.snapshots import Snapshot
    from trainer.fitting.batches import FloatArray

    Report = Callable[[Progress], None]

DEFAULT_FOLDS, MAX_FOLDS = 5, 20
_PREVIEWS: Final = 64


class PictureSource(FeatureSource, Protocol):
    """Whoever has the vectors and previews."""

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the preview of each, a JPEG; empty for one that has none."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """What a method came to.

    Attributes:
        name: of the method.
        description: what it is.
        accuracies: on the test rows of each fold, 0 to 1.
        accuracy: on all rows, each tested once.
        low: lower end of its 95 % Wilson interval.
        high: upper end.
        feature_seconds: for making the features of all pictures; 0 for vectors, which were cached.
        fit_seconds: for fitting and answering, the mean of a fold.
    """

    name: str
    description: str
    accuracies: tuple[float, ...]
    accuracy: float
    low: float
    high: float
    feature_seconds: float
    fit_seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome; `methods` in the order of `trainer.comparison.methods.ALL`, the rest as asked."""

    dataset: str
    pictures: int
    labels: int
    folds: int
    seed: int
    methods: tuple[Scored, ...]


class Comparing:
    """Compares methods on datasets.

    Args:
        examples: of the datasets.
        source: has vectors and previews.
        fit: `trainer.fitting.fit.fit`.
        clock: seconds.
    """

    def __init__(
        self, examples: ExampleStore, source: PictureSource, fit: Fit, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._examples, self._source, self._fit, self._clock = examples, source, fit, clock

    def compare(self, dataset: str, asked: Sequence[str], folds: int, seed: int, report: Report) -> Comparison:
        """Test every method on every fold; `report` is told how many of these are done, and may raise to end it.

        Args:
            dataset: its name.
            asked: names of methods; empty is all.
            folds: 2 or more; 0 is DEFAULT_FOLDS.
            seed: of folds and recipes.
            report: takes progress.

        Raises:
            NotFoundError: DATASET_NOT_FOUND.
            InvalidArgumentError: UNKNOWN_METHOD, INVALID_FOLDS.
            FailedPreconditionError: EXTRA_MISSING, TOO_FEW_PICTURES, DATASET_NOT_TRAINABLE, FEATURES_MISSING,
                PREVIEWS_MISSING, FINGERPRINT_CHANGED.
            UnavailableError: EXTRACTOR_UNAVAILABLE.
        """
        names, folds = methods.checked_methods(asked), _checked_folds(folds)
        methods.check_libraries()
        check_trainable(dataset, self._examples.counts(dataset))
        snapshot = take_snapshot(self._examples.all_examples(dataset))
        check_enough(dataset, snapshot.labels, snapshot.label_rows, folds)
        vectors = load_vectors(self._source, dataset, snapshot, report).rows
        groups = near_pairs(vectors).first_rows
        run = _Run(snapshot, list(stratified_folds(snapshot.label_rows, groups, folds, seed)), report, self._clock)
        run.total = folds * len(names)
        scored = [run.hand_made(each, self._previews) for each in methods.HAND_MADE if each.name in names]
        scored += [run.recipe(name, seed, vectors, self._fit) for name in methods.RECIPES if name in names]
        return Comparison(dataset, len(snapshot.digests), len(snapshot.labels), folds, seed, tuple(scored))

    def _previews(self, snapshot: Snapshot, report: Report) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(snapshot.digests), _PREVIEWS):
            found += self._source.previews(snapshot.digests[start : start + _PREVIEWS])
            report(Progress(Phase.LOADING, len(found), len(snapshot.digests)))
        missing = [digest.hex() for digest, preview in zip(snapshot.digests, found, strict=True) if not preview]
        if missing:
            raise FailedPreconditionError(
                f"{len(missing)} pictures have no preview any more ({missing[0]}, …): import the same folder again, or "
                "compare only methods that work on vectors",
                reason="PREVIEWS_MISSING",
                metadata={"missing": str(len(missing))},
            )
        return found


class _Run:
    """One comparison under way."""

    def __init__(self, snapshot: Snapshot, folds: Sequence[Fold], report: Report, clock: Callable[[], float]) -> None:
        self._snapshot, self._folds, self._report, self._clock = snapshot, folds, report, clock
        self._loaded: list[bytes] = []
        self._done = self.total = 0

    def hand_made(self, method: methods.HandMade, load: Callable[[Snapshot, Report], list[bytes]]) -> Scored:
        self._loaded = self._loaded or load(self._snapshot, self._report)
        started = self._clock()
        rows = []
        for preview in self._loaded:
            rows.append(method.features(preview))
            self._alive()
        features = np.stack(rows)
        made = self._clock() - started
        labels = self._snapshot.label_rows
        test = lambda fold: methods.test_hand_made(method, features, labels, fold)  # noqa: E731 - its name is its use
        return self._scored(method.name, method.description, test, made)

    def recipe(self, kind: str, seed: int, vectors: FloatArray, fit: Fit) -> Scored:
        def test(fold: Fold) -> NDArray[np.bool_]:
            classes = len(self._snapshot.labels)
            data = TrainingData(vectors, self._snapshot.label_rows, fold.training, fold.validation, classes)
            return methods.test_recipe(kind, seed, data, fold.test, fit, self._alive)

        return self._scored(kind, f"cached vectors, recipe {kind}", test, 0.0)

    def _scored(
        self, name: str, description: str, test: Callable[[Fold], NDArray[np.bool_]], feature_seconds: float
    ) -> Scored:
        right: list[NDArray[np.bool_]] = []
        started = self._clock()
        for fold in self._folds:
            self._alive()
            right.append(test(fold))
            self._done += 1
        seconds = (self._clock() - started) / len(self._folds)
        correct, tested = sum(int(each.sum()) for each in right), sum(map(len, right))
        low, high = wilson_interval(correct, tested)
        accuracies = tuple(float(each.mean()) for each in right)
        return Scored(name, description, accuracies, correct / tested, low, high, feature_seconds, seconds)

    def _alive(self) -> None:
        self._report(Progress(Phase.FITTING, self._done, self.total))


def _checked_folds(folds: int) -> int:
    if folds == 0:
        return DEFAULT_FOLDS
    if not 2 <= folds <= MAX_FOLDS:  # noqa: PLR2004 - one fold is none
        problem = f"must be 2 to {MAX_FOLDS}"
        raise InvalidArgumentError(
            f"folds {problem}", reason="INVALID_FOLDS", violations=(Violation("folds", problem),)
        )
    return folds
