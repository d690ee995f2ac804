"""Scores of each picture by its nearest neighbours: how near those of each label are, its own copies left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.batches import FloatArray, RowArray

NEIGHBOURS: Final = 10
_NEARER: Final = 5.0  # a neighbour whose cosine is smaller by 0.2 than the nearest's counts 1 / e
_NONE: Final = 0.1  # what a label without a neighbour counts
_BLOCK: Final = 1024
_TINY: Final = 1e-12


def neighbour_scores(
    vectors: FloatArray, labels: RowArray, groups: RowArray, look: Callable[[], None] = lambda: None
) -> FloatArray:
    """Return float32[n, classes]: log(0.1 + Σ exp(5 (c_i - c_1))) over the ten nearest i that have the label.

    c_i are the cosines with the neighbours, of vectors less their mean. The neighbours of a label are divided by its
    share of the pictures, so that a large class is not near everything.

    Args:
        vectors: float32[n, d].
        labels: int32[n], each from 0 up to the number of classes occurring.
        groups: int32[n], equal for near duplicates, which are no neighbours of each other.
        look: called now and then; what it raises ends the work.
    """
    count, classes = len(labels), int(labels.max()) + 1
    centred = vectors - vectors.mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), _TINY)
    shares = np.maximum(np.bincount(labels, minlength=classes), 1) * (classes / count)
    asked = min(NEIGHBOURS, count - 1)
    scores = np.empty((count, classes), np.float32)
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        cosines = centred[rows] @ centred.T
        cosines[groups[rows, np.newaxis] == groups] = -np.inf
        nearest = np.argpartition(-cosines, asked - 1, axis=1)[:, :asked]
        near = np.take_along_axis(cosines, nearest, axis=1)
        best = near.max(axis=1, keepdims=True)
        weights = np.exp(_NEARER * (near - np.where(np.isfinite(best), best, 0)))
        votes = np.zeros((rows.stop - start, classes), np.float32)
        for column in range(asked):
            np.add.at(votes, (np.arange(len(votes)), labels[nearest[:, column]]), weights[:, column])
        scores[rows] = np.log(votes / shares + _NONE)
        look()
    return scores
