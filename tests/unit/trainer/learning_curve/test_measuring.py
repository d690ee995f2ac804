"""Learning curves, with a fit that needs no TensorFlow: the nearest class mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from trainer.fitting.fit import FittedHead
from trainer.jobs.progress import Phase, Progress
from trainer.learning_curve.measuring import LearningCurves, Question
from trainer.learning_curve.page import learning_curve_page
from trainer.learning_curve.wished_accuracy import pictures_needed
from trainer.recipes import MlpRecipe
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.fitting.batches import FloatArray
    from trainer.fitting.fit import TrainingData
    from trainer.recipes import Recipe

LABELS = 4


class NoisyFeatures:
    """One-hot of the label, with noise that the digest alone decides; no picture is missing."""

    def __init__(self, examples: ExampleStore, dataset: str) -> None:
        labels = sorted({each.label for each in examples.all_examples(dataset)})
        self._place = {each.digest: labels.index(each.label) for each in examples.all_examples(dataset)}

    def fingerprint(self) -> bytes:
        """Always the same."""
        return b"f" * 16

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return a vector for each."""
        assert (view, view_seed) == (0, 0)
        noise = np.stack([np.random.default_rng(list(each)).normal(0, 0.6, LABELS) for each in digests])
        return (np.eye(LABELS)[[self._place[each] for each in digests]] + noise).astype(np.float32), []


class NearestMean:
    """Fits the means of the classes; remembers the data."""

    def __init__(self) -> None:
        self.seen: list[TrainingData] = []
        self.seeds: list[int] = []

    def __call__(
        self,
        recipe: Recipe,
        data: TrainingData,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> FittedHead:
        """Score by closeness to the mean of each class."""
        assert not cancelled()
        on_progress(Progress(Phase.FITTING, 1, 1))
        self.seen.append(data)
        self.seeds.append(recipe.seed)
        rows = np.concatenate([data.training, data.validation])
        means = np.stack([data.vectors[rows][data.labels[rows] == label].mean(axis=0) for label in range(LABELS)])
        layer = heads.Layer(2 * means.T, -(means**2).sum(axis=1), "linear")
        network = heads.Network(np.zeros(LABELS, np.float32), np.ones(LABELS, np.float32), (layer,))
        return FittedHead(network, 1, 1, "done", ())


@pytest.fixture
def measured(examples: ExampleStore, faces: str) -> tuple[LearningCurves, NearestMean]:
    """Return what measures the curve of 80 pictures, and the fit it uses."""
    fit = NearestMean()
    return LearningCurves(examples, NoisyFeatures(examples, faces), fit), fit


def test_a_curve_has_a_point_for_each_number_and_all_there_are(measured: Any, faces: str) -> None:
    """Sets of a draw are nested, never larger than asked for, never of the test part; each draw has its own seed."""
    curves, fit = measured
    told: list[Progress] = []
    curve = curves.measure(faces, MlpRecipe(seed=7), Question((3, 5, 500), repeats=2).checked(), told.append)
    most = curve.points[-1].per_class
    assert [point.per_class for point in curve.points] == [3, 5, most]
    assert most < 20
    assert fit.seeds == [7, 7, 7, 8, 8, 8]
    sets = [set(data.training) | set(data.validation) for data in fit.seen]
    assert sets[0] < sets[1] < sets[2]
    assert sets[0] != sets[3]
    assert sets[2] == sets[5]
    for data, count in zip(fit.seen, [3, 5, most] * 2, strict=True):
        assert not set(data.training) & set(data.validation)
        counts = np.bincount(data.labels[[*data.training, *data.validation]], minlength=LABELS)
        assert (counts <= count).all()
        assert (counts >= min(count, 2)).all()
    assert curve.test_examples == 80 - len(sets[2])
    assert all(point.low <= point.accuracy <= point.high for point in curve.points)
    assert [point.pictures for point in curve.points] == [12, 20, len(sets[2])]
    assert told[-1] == Progress(Phase.EVALUATING, 6, 6)
    assert [each.step for each in told if each.phase is Phase.FITTING] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_same_question_has_the_same_answer(measured: Any, faces: str) -> None:
    """Everything drawn follows from the recipe's seed."""
    curves, _ = measured
    asked = faces, MlpRecipe(seed=3), Question((3, 6), 2).checked(), lambda _: None
    assert curves.measure(*asked) == curves.measure(*asked)


def test_a_report_that_raises_ends_it(measured: Any, faces: str) -> None:
    """So a caller that went away costs no more than one training."""
    curves, fit = measured

    def report(progress: Progress) -> None:
        if progress.phase is Phase.FITTING and progress.step == 1:
            raise CancelledError("gone")

    with pytest.raises(CancelledError):
        curves.measure(faces, MlpRecipe(), Question((3, 5, 9)).checked(), report)
    assert len(fit.seen) == 1


def test_a_dataset_that_cannot_be_trained_on_has_no_curve(datasets: DatasetStore, measured: Any) -> None:
    """It is refused as a job would be."""
    datasets.create("empty")
    with pytest.raises(FailedPreconditionError) as caught:
        measured[0].measure("empty", MlpRecipe(), Question().checked(), lambda _: None)
    assert caught.value.reason == "DATASET_NOT_TRAINABLE"


@pytest.mark.parametrize(
    "question",
    [Question((1,)), Question(tuple(range(2, 60))), Question(repeats=51), Question(wished_accuracy=1.0)],
)
def test_a_question_out_of_bounds_is_refused(question: Question) -> None:
    """The violation names the field."""
    with pytest.raises(InvalidArgumentError) as caught:
        question.checked()
    assert caught.value.reason == "INVALID_LEARNING_CURVE"
    assert caught.value.violations


def test_the_page_holds_chart_and_figures(measured: Any, faces: str) -> None:
    """One file, its name escaped, a row for each point."""
    curve = measured[0].measure(faces, MlpRecipe(), Question((3, 5), 1).checked(), lambda _: None)
    page = learning_curve_page(curve).decode()
    assert page.count("<svg") == 1
    assert len(re.findall(r"<tr>", page)) == 1 + len(curve.points)
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)


def test_the_number_needed_is_read_off_the_curve() -> None:
    """Halfway between 10 and 40 on a logarithm's scale is 20; a dip does not count; the first point may do."""
    curve = [(5, 0.5), (10, 0.8), (20, 0.7), (40, 0.9)]
    needed = pictures_needed(curve[:2] + curve[3:], 0.85)
    assert needed is not None
    assert (needed.per_class, needed.extrapolated) == (20, False)
    assert pictures_needed(curve, 0.5).per_class == 5  # type: ignore[union-attr]
    assert pictures_needed(curve, 0.75).per_class == 9  # type: ignore[union-attr]


def test_beyond_the_curve_its_law_is_followed_but_not_far() -> None:
    """An error that halves with each doubling is 0.05 at 80; what takes more than ten times as many is not told."""
    law = [(5, 0.2), (10, 0.6), (20, 0.8), (40, 0.9)]
    needed = pictures_needed(law, 0.95)
    assert needed is not None
    assert needed.extrapolated
    assert needed.per_class == pytest.approx(80, abs=1)
    assert pictures_needed(law, 0.9999) is None
    assert pictures_needed([(5, 0.6), (10, 0.6), (20, 0.6)], 0.9) is None
    assert pictures_needed([(5, 0.6), (10, 0.7)], 0.9) is None
