"""What was called what: confusion, and what follows from it for each class."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.evaluation.arrays import Floats, Labels

_TOP = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How a head does on one class.

    Attributes:
        precision: share of what was called this class that is it, 0 to 1; None if nothing was called so.
        recall: share of this class that was called so; None if the class has no example.
        f1: harmonic mean of the two, 2·right / (support + called); None if both numbers are 0.
        support: examples of the class.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as the manifest holds it."""
        return asdict(self)


def untested_labels(labels: Sequence[str], classes: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the labels without a test example, of which nothing is known; `classes` as the manifest has them."""
    return tuple(label for label, each in zip(labels, classes, strict=True) if not each["support"])


def confusion_cells(truth: Labels, answers: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Return (truth, answer, count) int64[cells, 3] of every pair that occurs, sorted; at most one a test example.

    So its size follows the examples and not the square of the classes.
    """
    pairs, counts = np.unique(truth.astype(np.int64) * classes + answers, return_counts=True)
    return np.stack([pairs // classes, pairs % classes, counts], axis=1)


def class_scores(truth: Labels, answers: Labels, classes: int) -> tuple[ClassScore, ...]:
    """Return the scores of each class for truth[n] and answers[n]."""
    support = np.bincount(truth, minlength=classes)
    called = np.bincount(answers, minlength=classes)
    right = np.bincount(truth[truth == answers], minlength=classes)
    return tuple(
        ClassScore(_share(r, c), _share(r, s), _share(2 * r, s + c), s)
        for r, c, s in zip(right.tolist(), called.tolist(), support.tolist(), strict=True)
    )


def top_k_accuracy(probabilities: Floats, truth: Labels) -> dict[int, float]:
    """Return {k: share whose label is among the k most probable} of [n, classes] for the usual k below `classes`.

    Of equal probabilities the earlier label comes first, as in an answer.
    """
    if not len(truth):
        return {}
    own = np.take_along_axis(probabilities, truth[:, np.newaxis], axis=1)  # [n, 1]
    earlier = np.arange(probabilities.shape[1]) < truth[:, np.newaxis]
    place = (probabilities > own).sum(axis=1) + ((probabilities == own) & earlier).sum(axis=1)  # [n], 0 is the first
    return {k: float((place < k).mean()) for k in _TOP if k == 1 or k < probabilities.shape[1]}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
