"""The space in which similar pictures are looked for: whitened, so that a cosine tells a copy from a relative.

Bottleneck vectors all point about the same way: any two pictures have a raw cosine near 0.9, and two photographs of one
person 0.99, as a picture and its smaller copy have. The directions in which a dataset varies most are those that its
pictures share, so each principal direction is divided by its standard deviation. Small ones, which are noise, are
damped: every variance is raised by the mean variance. Measured in `docs/doctor.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray

MIN_ROWS: Final = 3
"""Of fewer pictures nothing says what they have in common, so nothing says what sets two of them apart."""

_BLOCK: Final = 4096
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class SimilaritySpace:
    """A linear map into the space; made by `fit_space`.

    Attributes:
        mean: float32[d] of the vectors it was fitted on.
        basis: float32[d, d], the columns are the principal directions, each divided by its damped deviation.
    """

    mean: FloatArray
    basis: FloatArray

    def project(self, vectors: FloatArray) -> FloatArray:
        """Return float32[n, d] of length 1, whose dot products are the similarities; the mean itself becomes zero."""
        placed = np.empty((len(vectors), self.basis.shape[1]), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            block = (vectors[start : start + _BLOCK] - self.mean) @ self.basis
            lengths = np.linalg.norm(block, axis=1, keepdims=True)
            placed[start : start + _BLOCK] = block / np.maximum(lengths, _TINY)
        return placed


def fit_space(vectors: FloatArray) -> SimilaritySpace:
    """Return the space of a dataset's vectors float32[n, d]; of fewer than three nothing can be told apart."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((vectors.shape[1],) * 2)
    for start in range(0, len(vectors), _BLOCK):
        block = (vectors[start : start + _BLOCK] - mean).astype(np.float32)
        covariance += block.T @ block
    variances, directions = np.linalg.eigh(covariance / max(1, len(vectors) - 1))
    variances = np.maximum(variances, 0)
    deviations = np.sqrt(variances + variances.mean() + _TINY)
    return SimilaritySpace(mean.astype(np.float32), (directions / deviations).astype(np.float32))
