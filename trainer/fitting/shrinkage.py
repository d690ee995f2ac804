"""How much a covariance should be shrunk towards the identity, by Ledoit and Wolf's estimate. NumPy alone.

O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004), lemma 3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    DoubleArray = npt.NDArray[np.float64]

_MIN_SCALE = 1e-10  # a dimension that is constant in a class carries nothing


def class_shrinkage(pieces: Callable[[], Iterable[DoubleArray]], count: int, dimensions: int) -> float:
    """Return the shrinkage of one class's covariance towards its own diagonal, 0 to 1.

    Each dimension is divided by its deviation in the class, so that the formula's identity is that diagonal.

    Args:
        pieces: yields the residuals of the class about its mean, float64[piece, dimensions]; it is called twice, and
            yields one piece where there are fewer residuals than dimensions.
        count: how many residuals there are; fewer than two tell nothing, which is a shrinkage of 1.
        dimensions: of the vectors.
    """
    if count < 2:  # noqa: PLR2004 # one has no residual
        return 1.0
    variance = np.zeros(dimensions)
    for piece in pieces():
        variance += np.einsum("ij,ij->j", piece, piece)
    variance /= count
    scale = np.sqrt(variance)
    scale[scale < _MIN_SCALE] = 1.0
    fourth, trace, small = 0.0, 0.0, count < dimensions
    gram = np.zeros((0, 0) if small else (dimensions, dimensions))
    for piece in pieces():
        scaled = piece / scale
        squares = np.einsum("ij,ij->i", scaled, scaled)  # |r|²
        fourth += float(squares @ squares)
        trace += float(squares.sum())
        if small:
            gram = scaled @ scaled.T
        else:
            gram += scaled.T @ scaled
    return estimate(float((gram**2).sum()) / count**2, trace / count, fourth / count, count, dimensions)


def estimate(square: float, trace: float, fourth: float, count: int, dimensions: int) -> float:
    """Return b² / d² of Ledoit and Wolf, 0 to 1: b² = (mean |r|⁴ - |S|²) / n, d² = |S - μI|², μ = trace S / d.

    Args:
        square: |S|², the sum of the squared entries of the covariance S.
        trace: of S.
        fourth: mean of |r|⁴ over the residuals r.
        count: n, how many there are.
        dimensions: d.
    """
    distance = square - trace**2 / dimensions
    if distance <= 0:
        return 1.0
    return float(min(max((fourth - square) / count / distance, 0.0), 1.0))
