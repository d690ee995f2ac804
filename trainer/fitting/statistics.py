"""What training knows of its vectors before it begins: mean, scale and the mean of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.fitting.batches import FloatArray, RowArray

_MIN_VARIANCE = 1e-12  # vectors that do not differ carry nothing: their rounding must not be blown up
_DEAD = 1e-6
"""Of the mean variance: a dimension with less has hardly ever differed. Where it does some day, it must not drown the
others."""

_CHUNK_ROWS = 4096


def standardisation(vectors: FloatArray, rows: RowArray, floor: float) -> tuple[FloatArray, FloatArray]:
    """Return (mean, scale) float32[d] for these rows of float32[n, d], summed in float64.

    The scale is √(v + floor · mean v) of the variances v, times a number that makes the mean square of all standardised
    inputs 1: with a floor of 0 every dimension has that deviation by itself, with a large one all have one scale.
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
    floored = variance + floor * variance.mean()
    floored[floored < _DEAD * variance.mean()] = variance.mean()
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
