"""What is gained and lost when answers below a probability are held back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trainer.evaluation.arrays import Floats, Labels

POINTS = 100


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What happens when only answers at or above a probability are given.

    Attributes:
        threshold: the probability.
        precision: share of the answers given that are right.
        recall: share of all examples that get a right answer.
        answered: share of all examples that get an answer.
    """

    threshold: float
    precision: float
    recall: float
    answered: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as evaluation.json holds it."""
        return asdict(self)


def precision_recall(probabilities: Floats, truth: Labels, points: int = POINTS) -> tuple[ThresholdPoint, ...]:
    """Return the curve over the probability of the best label, [n, classes]: thresholds rising, at most `points`.

    A threshold is a probability that occurs, so each point is a real trade.
    """
    examples = len(truth)
    if not examples:
        return ()
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    order = np.argsort(top, kind="stable")
    rising = top[order]
    right_from = np.cumsum(right[order][::-1])[::-1]  # [n], right answers among this and all that are surer
    first = np.flatnonzero(np.concatenate([[True], np.diff(rising) > 0]))  # equal probabilities are one threshold
    chosen = first[np.unique(np.linspace(0, len(first) - 1, points).astype(np.int64))]
    return tuple(
        ThresholdPoint(
            float(rising[at]),
            float(right_from[at]) / (examples - at),
            float(right_from[at]) / examples,
            (examples - at) / examples,
        )
        for at in chosen.tolist()
    )
