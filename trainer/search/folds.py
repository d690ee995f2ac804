"""Cutting the examples of a search into folds, the same share of every class in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from trainer.fitting.batches import RowArray

_FOLDS, _SAMPLE = 2, 3  # streams of a seed; `trainer.fitting.batches` has 0 and 1


def fold_numbers(labels: RowArray, folds: int, seed: int) -> RowArray:
    """Return the fold of each example, int32[n], 0 to folds - 1; every example is held out in one.

    The examples of a class, in a random order, are dealt to the folds in turn; the next class goes on where the one
    before ended, so the folds differ by one example at most.

    Args:
        labels: int32[n].
        folds: 2 or more.
        seed: of the order.
    """
    rng = np.random.default_rng([seed, _FOLDS])
    numbers = np.empty(len(labels), np.int32)
    dealt = 0
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        numbers[members] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)
    return numbers


def sample(labels: RowArray, most: int, seed: int) -> RowArray:
    """Return at most about `most` of the examples, int32[m] sorted, each class by its share but one example at least.

    Args:
        labels: int32[n].
        most: how many are enough.
        seed: of the draw.
    """
    if len(labels) <= most:
        return np.arange(len(labels), dtype=np.int32)
    rng = np.random.default_rng([seed, _SAMPLE])
    taken = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = max(1, round(len(members) * most / len(labels)))
        taken.append(rng.permutation(members)[:count])
    return np.sort(np.concatenate(taken)).astype(np.int32)
