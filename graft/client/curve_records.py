"""What the trainer tells of learning curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.client.job_records import Recipe


@dataclass(frozen=True, slots=True)
class LearningCurvePoint:
    """What one number of pictures came to; accuracies 0 to 1, on the test part.

    Attributes:
        pictures_per_class: at most, for training and for telling when to stop.
        pictures: in all, the mean over the draws.
        short_classes: classes that have fewer.
        accuracy: the mean over the draws.
        accuracy_low: lower end of its 95 % Wilson interval.
        accuracy_high: upper end.
        accuracies: of each draw.
    """

    pictures_per_class: int
    pictures: int
    short_classes: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How accuracy grows with the number of pictures.

    Attributes:
        dataset: what was drawn from.
        recipe: what was trained, every value filled in.
        labels: classes.
        test_examples: in the test part.
        points: by the number of pictures.
        wished_accuracy: the accuracy asked about.
        pictures_needed_per_class: for it; None where the curve does not tell.
        needed_is_extrapolated: whether that is more than was measured, a guess.
        page: one self-contained HTML file; empty unless it was asked for.
    """

    dataset: str
    recipe: Recipe
    labels: int
    test_examples: int
    points: tuple[LearningCurvePoint, ...]
    wished_accuracy: float
    pictures_needed_per_class: int | None
    needed_is_extrapolated: bool
    page: bytes
