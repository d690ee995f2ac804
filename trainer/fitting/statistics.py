"""What training knows of its vectors before it begins: mean, scale and the mean of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.fitting.batches import FloatArray, RowArray

_FLOOR = 0.3
"""Of the mean variance: what is added to the variance of every dimension. Without it a unit that is hardly ever active
counts as much as the others, and behind a ReLU there are many such; regressions lost 1.5 points by it on the mean of 20
sets, and 0.1 or 1 did no better than 0.3."""

_MIN_VARIANCE = 1e-12  # vectors that do not differ carry nothing: their rounding must not be blown up
_CHUNK_ROWS = 4096


def standardisation(vectors: FloatArray, rows: RowArray) -> tuple[FloatArray, FloatArray]:
    """Return (mean, scale) float32[d] for these rows of float32[n, d], summed in float64.

    The scale is √(v + 0.3 mean v) of the variances v, times a number that makes the mean square of all standardised
    inputs 1.
    """
    mean = np.zeros(vectors.shape[1])
    square = np.zeros(vectors.shape[1])
    for chunk in _chunks(rows):
        mean += vectors[chunk].sum(axis=0, dtype=np.float64)
    mean /= len(rows)
    for chunk in _chunks(rows):  # a second pass: the difference of two large sums would lose digits
        square += ((vectors[chunk] - mean) ** 2).sum(axis=0)
    variance = square / len(rows)
    if variance.mean() < _MIN_VARIANCE:
        return mean.astype(np.float32), np.ones(len(mean), np.float32)
    floored = variance + _FLOOR * variance.mean()
    return mean.astype(np.float32), np.sqrt(floored * (variance / floored).mean()).astype(np.float32)


def class_means(vectors: FloatArray, labels: RowArray, rows: RowArray, classes: int) -> FloatArray:
    """Return the mean vector of each class over these rows, float32[classes, d]; 0 for a class without rows."""
    sums = np.zeros((classes, vectors.shape[1]))
    for chunk in _chunks(rows):
        ordered = chunk[np.argsort(labels[chunk], kind="stable")]  # a class is a run of rows now, summed at once
        found, starts = np.unique(labels[ordered], return_index=True)
        sums[found] += np.add.reduceat(vectors[ordered], starts, axis=0, dtype=np.float64)
    counts = np.bincount(labels[rows], minlength=classes)
    return (sums / np.maximum(counts, 1)[:, np.newaxis]).astype(np.float32)


def _chunks(rows: RowArray) -> Iterator[RowArray]:
    """Cut the rows into pieces, so that a copy of the vectors in float64 never fills the memory."""
    for start in range(0, len(rows), _CHUNK_ROWS):
        yield rows[start : start + _CHUNK_ROWS]
