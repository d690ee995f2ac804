"""How accuracy grows with the number of pictures: the same test part, training sets of several sizes, several draws.

For each draw the training and validation examples of every class are put into an order; a training set of k pictures a
class is the first k of it, so a larger set of a draw holds the smaller ones. Of these k a share decides when to stop,
as in a training job. A class that has fewer takes part with what it has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import FailedPreconditionError, InvalidArgumentError, Violation
from trainer.datasets.snapshots import check_trainable, take_snapshot
from trainer.datasets.split import Part
from trainer.datasets.vectors import load_vectors
from trainer.evaluation.intervals import wilson_interval
from trainer.fitting.fit import TrainingData
from trainer.jobs.progress import Phase, Progress
from trainer.learning_curve.wished_accuracy import Needed, pictures_needed
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.snapshots import Snapshot
    from trainer.datasets.vectors import FeatureSource, Vectors
    from trainer.fitting.batches import RowArray
    from trainer.fitting.fit import FittedHead
    from trainer.recipes import Recipe

    Fit = Callable[[Recipe, TrainingData, Callable[[Progress], None], Callable[[], bool]], FittedHead]

DEFAULT_COUNTS: Final = (5, 10, 20, 50, 100, 200, 300, 500, 1000)
DEFAULT_REPEATS: Final = 3
DEFAULT_WISH: Final = 0.93
MAX_COUNTS, MAX_REPEATS, MIN_COUNT = 50, 50, 2
_VALIDATION_SHARE: Final = 0.125


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        counts: pictures a class, each 2 or more; empty is DEFAULT_COUNTS as far as the dataset goes, and all it has.
        repeats: draws for each count; 0 is DEFAULT_REPEATS.
        wished_accuracy: what accuracy the number of pictures is wanted for, above 0 and below 1; 0 is DEFAULT_WISH.
    """

    counts: tuple[int, ...] = ()
    repeats: int = 0
    wished_accuracy: float = 0.0

    def checked(self) -> Question:
        """The question with what was left out filled in.

        Raises:
            InvalidArgumentError: INVALID_LEARNING_CURVE.
        """
        repeats, wish = self.repeats or DEFAULT_REPEATS, self.wished_accuracy or DEFAULT_WISH
        if len(self.counts) > MAX_COUNTS or any(count < MIN_COUNT for count in self.counts):
            raise _invalid("counts", f"must be at most {MAX_COUNTS} numbers of {MIN_COUNT} or more")
        if repeats > MAX_REPEATS:
            raise _invalid("repeats", f"must be at most {MAX_REPEATS}")
        if not 0 < wish < 1:
            raise _invalid("wished_accuracy", "must be above 0 and below 1")
        return Question(tuple(sorted(set(self.counts))), repeats, wish)


@dataclass(frozen=True, slots=True)
class Point:
    """What one number of pictures came to.

    Attributes:
        per_class: pictures a class at most, for training and stopping.
        pictures: in all, the mean over the draws.
        short_classes: classes that have fewer.
        accuracies: on the test part, one for each draw.
        accuracy: their mean.
        low: lower end of the 95 % Wilson interval of the mean, for so many test examples.
        high: upper end.
    """

    per_class: int
    pictures: int
    short_classes: int
    accuracies: tuple[float, ...]
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The answer.

    Attributes:
        dataset: its name.
        recipe: what was trained, but for the seed, which is that of the draw.
        labels: how many.
        test_examples: how many.
        points: by the number of pictures.
        wished_accuracy: as asked.
        needed: pictures a class for it; None where that cannot be said.
    """

    dataset: str
    recipe: Recipe
    labels: int
    test_examples: int
    points: tuple[Point, ...]
    wished_accuracy: float
    needed: Needed | None


class LearningCurves:
    """Measures learning curves.

    Args:
        examples: of the datasets.
        features: has the vectors.
        fit: `trainer.fitting.fit.fit`.
    """

    def __init__(self, examples: ExampleStore, features: FeatureSource, fit: Fit) -> None:
        self._examples, self._features, self._fit = examples, features, fit

    def measure(
        self, dataset: str, recipe: Recipe, question: Question, report: Callable[[Progress], None]
    ) -> LearningCurve:
        """Train for every count and draw; `report` is told how many of them are done, and may raise to end it.

        Raises:
            NotFoundError: DATASET_NOT_FOUND.
            FailedPreconditionError: DATASET_NOT_TRAINABLE, TOO_FEW_PICTURES, FEATURES_MISSING, FINGERPRINT_CHANGED.
            UnavailableError: EXTRACTOR_UNAVAILABLE.
        """
        check_trainable(dataset, self._examples.counts(dataset))
        snapshot = take_snapshot(self._examples.all_examples(dataset))
        pools = _pools(snapshot)
        counts = _counts(question.counts, [len(pool) for pool in pools])
        vectors = load_vectors(self._features, dataset, snapshot, report)
        total = len(counts) * question.repeats
        accuracies: list[list[float]] = [[] for _ in counts]
        sizes: list[list[int]] = [[] for _ in counts]
        for draw in range(question.repeats):
            rng = np.random.default_rng([recipe.seed, draw])
            orders = [rng.permutation(pool) for pool in pools]
            for place, count in enumerate(counts):
                done = draw * len(counts) + place
                report(Progress(Phase.FITTING, done, total))
                data = _training_set(orders, count, snapshot, vectors)
                seeded = replace(recipe, seed=(recipe.seed + draw) % 2**31)
                fitted = self._fit(seeded, data, lambda _: report(Progress(Phase.FITTING, done, total)), _no)  # noqa: B023 - called before `done` changes
                accuracies[place].append(_accuracy(fitted, snapshot, vectors))
                sizes[place].append(len(data.training) + len(data.validation))
        tested = len(snapshot.parts[Part.TEST])
        points = tuple(
            _point(count, round(float(np.mean(size))), sum(len(pool) < count for pool in pools), found, tested)
            for count, size, found in zip(counts, sizes, accuracies, strict=True)
        )
        report(Progress(Phase.EVALUATING, total, total))
        needed = pictures_needed([(p.per_class, p.accuracy) for p in points], question.wished_accuracy)
        return LearningCurve(dataset, recipe, len(snapshot.labels), tested, points, question.wished_accuracy, needed)


def _pools(snapshot: Snapshot) -> list[RowArray]:
    """The rows of each class that may be trained on, int32."""
    rows = np.sort(np.concatenate([snapshot.parts[Part.TRAINING], snapshot.parts[Part.VALIDATION]]))
    labels = snapshot.label_rows[rows]
    return [rows[labels == label] for label in range(len(snapshot.labels))]


def _counts(asked: Sequence[int], available: Sequence[int]) -> list[int]:
    """The counts to measure: none beyond what the largest class has, and that one last.

    Raises:
        FailedPreconditionError: TOO_FEW_PICTURES.
    """
    most = max(available)
    if most < MIN_COUNT:
        raise FailedPreconditionError(
            f"no class has {MIN_COUNT} pictures to train on: import more", reason="TOO_FEW_PICTURES"
        )
    kept = [count for count in asked or DEFAULT_COUNTS if count < most]
    return [*kept, most] if not asked or any(count >= most for count in asked) else kept


def _training_set(orders: Sequence[RowArray], count: int, snapshot: Snapshot, vectors: Vectors) -> TrainingData:
    """The first `count` rows of each class; an eighth of them, one at least where there are two, tell when to stop."""
    training, validation = [], []
    for order in orders:
        mine = order[:count]
        held_out = 0 if len(mine) < MIN_COUNT else max(1, math.floor(_VALIDATION_SHARE * len(mine)))
        validation.append(mine[:held_out])
        training.append(mine[held_out:])
    return TrainingData(
        vectors.rows,
        snapshot.label_rows,
        np.sort(np.concatenate(training)).astype(np.int32),
        np.sort(np.concatenate(validation)).astype(np.int32),
        len(snapshot.labels),
    )


def _accuracy(fitted: FittedHead, snapshot: Snapshot, vectors: Vectors) -> float:
    test = snapshot.parts[Part.TEST]
    answers = heads.predict(fitted.network, vectors.rows[test]).argmax(axis=1)
    return float((answers == snapshot.label_rows[test]).mean())


def _point(count: int, pictures: int, short: int, accuracies: Sequence[float], tested: int) -> Point:
    mean = float(np.mean(accuracies))
    low, high = wilson_interval(round(mean * tested), tested)
    return Point(count, pictures, short, tuple(accuracies), mean, low, high)


def _no() -> bool:
    """Nobody cancels beside `report`, which raises."""
    return False


def _invalid(field: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{field} {problem}", reason="INVALID_LEARNING_CURVE", violations=(Violation(field, problem),)
    )
