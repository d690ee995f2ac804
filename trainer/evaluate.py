"""How good a head is on examples it never saw: accuracy with its interval, and the confusion matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result on one set of examples.

    Attributes:
        examples: how many.
        correct: how many got their own label as the most probable one.
        accuracy: correct / examples, 0 to 1.
        accuracy_low: lower end of the 95 % Wilson interval of the accuracy.
        accuracy_high: upper end.
        confusion: confusion[i][j] is how many examples of label i were called label j.
    """

    examples: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as the manifest holds it."""
        return {
            "examples": self.examples,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "accuracy_low": self.accuracy_low,
            "accuracy_high": self.accuracy_high,
            "interval": "wilson-95",
            "confusion_matrix": [list(row) for row in self.confusion],
        }


def wilson_interval(correct: int, examples: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share: (low, high), within 0 and 1.

    centre = (p + z²/2n) / (1 + z²/n); half = z/(1 + z²/n) · sqrt(p(1-p)/n + z²/4n²). Unlike the normal interval it
    holds for few examples and for shares near 0 and 1 (E. B. Wilson, 1927). Without examples it is (0, 1).
    """
    if examples == 0:
        return 0.0, 1.0
    p = correct / examples
    z2n = z * z / examples
    centre = (p + z2n / 2) / (1 + z2n)
    half = z / (1 + z2n) * math.sqrt(p * (1 - p) / examples + z2n / (4 * examples))
    return max(0.0, centre - half), min(1.0, centre + half)


def confusion_matrix(
    truth: npt.NDArray[np.integer[Any]], predicted: npt.NDArray[np.integer[Any]], classes: int
) -> npt.NDArray[np.int64]:
    """Count truth[n] (rows) against predicted[n] (columns): int64[classes, classes]."""
    flat = truth.astype(np.int64) * classes + predicted  # [n], one number for each pair
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def evaluate(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.integer[Any]]) -> Evaluation:
    """Measure probabilities float32[n, classes] against the true label indices int[n]."""
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)  # [n]; the first of equals
    confusion = confusion_matrix(truth, predicted, classes)
    examples, correct = len(truth), int(np.trace(confusion))
    low, high = wilson_interval(correct, examples)
    rows = tuple(tuple(int(count) for count in row) for row in confusion)
    return Evaluation(examples, correct, correct / examples if examples else 0.0, low, high, rows)
