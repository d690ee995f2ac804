"""Pictures unlike all others: those whose neighbours are far away, measured by how far neighbours usually are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray

FAR: Final = 4.0
"""Robust standard deviations above the median from which a picture is an outlier."""

MIN_PICTURES: Final = 20
"""With fewer there is no saying what is usual."""

_NEIGHBOUR: Final = 5  # so that four copies of one strange picture do not vouch for each other
_REFERENCES: Final = 10_000
_BLOCK: Final = 1024
_MAD_TO_DEVIATION: Final = 1.4826  # of a normal distribution


def strangeness(
    vectors: FloatArray, report: Callable[[int, int], None] = lambda _done, _total: None
) -> NDArray[np.float64]:
    """Return how far each picture is from its fifth neighbour, float64[n], in robust standard deviations.

    Neighbours are looked for among 10,000 pictures at most, drawn at random, by the Euclidean distance.
    With fewer than 20 pictures, and where all are equally far, it is 0.

    Args:
        vectors: float32[n, d], the square roots of what is cached.
        report: told how many of how many rows are done; what it raises ends the work.
    """
    count = len(vectors)
    if count < MIN_PICTURES:
        return np.zeros(count)
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    # Without the mean the numbers are smaller, so that their squares can be subtracted.
    references = vectors[np.sort(np.random.default_rng(0).permutation(count)[:_REFERENCES])] - mean
    lengths = (references**2).sum(axis=1)
    distances = np.empty(count)
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK] - mean
        squares = block @ references.T
        squares *= -2
        squares += lengths
        # The nearest reference of a picture that is one is the picture itself.
        squares.partition(_NEIGHBOUR, axis=1)
        near = squares[:, _NEIGHBOUR] + (block**2).sum(axis=1)
        distances[start : start + _BLOCK] = np.sqrt(np.maximum(near, 0))
        report(min(start + _BLOCK, count), count)
    median = np.median(distances)
    spread = _MAD_TO_DEVIATION * np.median(np.abs(distances - median))
    return (distances - median) / spread if spread > 0 else np.zeros(count)
