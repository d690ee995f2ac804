"""What an example of each class counts in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.recipes import BALANCED

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray, RowArray


def class_weights(kind: str, labels: RowArray, rows: RowArray, classes: int) -> FloatArray | None:
    """Return float32[classes], or None where every example counts the same.

    Balanced: examples / (classes that have some · examples of the class), so that the weights of all examples sum to
    their number and those of each class to the same; 0 for a class without examples.

    Args:
        kind: `none` or `balanced`.
        labels: int32[n].
        rows: those that count.
        classes: number of labels.
    """
    if kind != BALANCED:
        return None
    counts = np.bincount(labels[rows], minlength=classes)
    weights = len(rows) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)
