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
_REFERENCES: Final = 20_000
_BLOCK: Final = 1024
_MAD_TO_DEVIATION: Final = 1.4826  # of a normal distribution


def strangeness(
    vectors: FloatArray, report: Callable[[int, int], None] = lambda _done, _total: None
) -> NDArray[np.float64]:
    """Return how far each picture is from its fifth neighbour, float64[n], in robust standard deviations.

    Neighbours are looked for among 20,000 pictures at most, by the Euclidean distance of the vectors' square roots.
    With fewer than 20 pictures, and where all are equally far, it is 0.

    Args:
        vectors: float32[n, d], non-negative.
        report: told how many of how many rows are done; what it raises ends the work.
    """
    count = len(vectors)
    if count < MIN_PICTURES:
        return np.zeros(count)
    even = np.maximum(vectors, 0)
    np.sqrt(even, out=even)
    even -= even.mean(axis=0)  # smaller numbers, so that their squares can be subtracted
    references = even[np.random.default_rng(0).permutation(count)[:_REFERENCES]]
    lengths = (references**2).sum(axis=1)
    distances = np.empty(count)
    for start in range(0, count, _BLOCK):
        block = even[start : start + _BLOCK]
        squares = lengths - 2 * (block @ references.T) + (block**2).sum(axis=1, keepdims=True)
        # The nearest reference of a picture that is one is the picture itself.
        squares.partition(_NEIGHBOUR, axis=1)
        distances[start : start + _BLOCK] = np.sqrt(np.maximum(squares[:, _NEIGHBOUR], 0))
        report(min(start + _BLOCK, count), count)
    median = np.median(distances)
    spread = _MAD_TO_DEVIATION * np.median(np.abs(distances - median))
    return (distances - median) / spread if spread > 0 else np.zeros(count)
