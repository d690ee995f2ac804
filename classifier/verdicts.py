"""Whether an answer should be believed: a head's rule for the unknown, applied with NumPy.

The formulas are those of docs/formats.md: a distance from the head's classes in feature space, beside the calibrated
probability of the best label.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Verdict(Enum):
    """Whether the labels of a vector should be believed."""

    KNOWN = "KNOWN"
    UNCERTAIN = "UNCERTAIN"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, eq=False)
class UnknownRule:
    """A head's rule.

    Attributes:
        mean: float32[d], taken off the roots of a vector's values.
        projection: float32[d, r].
        whitening: float32[r, r].
        centres: float32[labels, r].
        background: float32[r].
        residual_weight: what is outside the projection counts so much.
        slope: of the score over the distance, above 0.
        offset: of the score.
        accept: KNOWN lies below this distance.
        reject: UNKNOWN lies above this one.
        minimum_probability: of the best label of what is KNOWN.
    """

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]
    whitening: NDArray[np.float32]
    centres: NDArray[np.float32]
    background: NDArray[np.float32]
    residual_weight: float
    slope: float
    offset: float
    accept: float
    reject: float
    minimum_probability: float

    def distances(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[n] for float32[n, d], the larger the less like the classes; NaN where values overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.sign(vectors) * np.sqrt(np.abs(vectors)) - self.mean  # [n, d]
            z = x @ self.projection  # [n, r]
            w = z @ self.whitening  # [n, r]
            squares = w * w
            # |w - c|² less |w|², for each label: [n, labels]
            beyond = (self.centres * self.centres).sum(axis=1) - 2 * (w @ self.centres.T)
            residual = np.maximum((x * x).sum(axis=1) - (z * z).sum(axis=1), 0) * np.float32(self.residual_weight)
            near = squares.sum(axis=1) + beyond.min(axis=1)
            found: NDArray[np.float32] = near - squares @ self.background + residual
            return found

    def scores(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return 1 / (1 + exp(-(slope · distance + offset))), float32[n], 0 to 1; 1 for what is not a number."""
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-(np.float32(self.slope) * distances + np.float32(self.offset))))
        return np.where(np.isnan(distances), np.float32(1), scores).astype(np.float32)

    def verdicts(self, distances: NDArray[np.float32], top: NDArray[np.float32]) -> Sequence[Verdict]:
        """Return the verdict of each distance [n] with the probability [n] of its best label."""
        return [self._verdict(d, p) for d, p in zip(distances.tolist(), top.tolist(), strict=True)]

    def _verdict(self, distance: float, probability: float) -> Verdict:
        if not distance <= self.reject:  # NaN too
            return Verdict.UNKNOWN
        if distance < self.accept and probability >= self.minimum_probability:
            return Verdict.KNOWN
        return Verdict.UNCERTAIN
