"""Scores of each picture by discriminants that were fitted without it: five folds, near duplicates in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.fitting.discriminant import Discriminant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.registry import heads

FOLDS: Final = 5


def draw_folds(labels: RowArray, groups: RowArray, seed: int) -> RowArray:
    """Return the fold of each picture, int32[n] from 0 to 4: each label spread evenly, each group in one fold.

    Args:
        labels: int32[n].
        groups: int32[n], equal for pictures that belong together: one must not vouch for the other.
        seed: of the order.
    """
    rng = np.random.default_rng(seed)
    members, index = np.unique(groups, return_inverse=True)
    first = np.full(len(members), len(labels))
    np.minimum.at(first, index, np.arange(len(labels)))  # a group counts as its first picture's label
    order = rng.permutation(len(members))
    order = order[np.argsort(labels[first[order]], kind="stable")]  # label by label, shuffled within
    fold = np.empty(len(members), np.int32)
    fold[order] = np.arange(len(members)) % FOLDS
    return fold[index]


def out_of_fold_scores(
    vectors: FloatArray,
    labels: RowArray,
    folds: RowArray,
    shrinkages: Sequence[float],
    look: Callable[[], None],
) -> list[FloatArray]:
    """Return the logits of every picture, float32[n, classes], for each shrinkage.

    Args:
        vectors: float32[n, d].
        labels: int32[n], each from 0 up to the number of classes occurring.
        folds: int32[n] of `draw_folds`.
        shrinkages: of the discriminants, 0 to 1.
        look: called now and then; what it raises ends the work.
    """
    classes = int(labels.max()) + 1
    scores = [np.empty((len(labels), classes), np.float32) for _ in shrinkages]
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds != fold).astype(np.int32)
        asked = np.flatnonzero(folds == fold)
        if not len(asked) or not len(rows):
            for each in scores:
                each[asked] = 0.0
            continue
        discriminant = Discriminant(vectors, labels, rows, classes, balanced=True, look=look)
        for shrinkage, each in zip(shrinkages, scores, strict=True):
            each[asked] = logits(discriminant.network(shrinkage), vectors[asked])
    return scores


def logits(network: heads.Network, vectors: FloatArray) -> FloatArray:
    """Return the outputs of a network of one linear layer, float32[n, classes]."""
    (layer,) = network.layers
    outputs = ((vectors - network.mean) / network.scale) @ layer.weight + layer.bias
    return np.asarray(outputs, np.float32)
