"""Scores of each picture by heads that were fitted without it: five folds, near duplicates in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.fitting.discriminant import Discriminant
from trainer.fitting.logistic import LogisticRegression
from trainer.recipes import VARIANCE_FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.registry import heads

FOLDS: Final = 5
_BLOCK: Final = 4096
_ITERATIONS: Final = 60  # of the optimiser: the last digits do not matter here


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


def discriminant_scores(
    vectors: FloatArray,
    labels: RowArray,
    folds: RowArray,
    shrinkages: Sequence[float],
    look: Callable[[], None],
) -> list[FloatArray]:
    """Return the logits of every picture by discriminants, float32[n, classes], for each shrinkage.

    Args:
        vectors: float32[n, d].
        labels: int32[n], each from 0 up to the number of classes occurring.
        folds: int32[n] of `draw_folds`.
        shrinkages: of the discriminants, 0 to 1.
        look: called now and then; what it raises ends the work.
    """
    classes = int(labels.max()) + 1
    scores = [np.zeros((len(labels), classes), np.float32) for _ in shrinkages]
    for rows, asked in _split(folds):
        discriminant = Discriminant(vectors, labels, rows, classes, balanced=True, look=look)
        for shrinkage, each in zip(shrinkages, scores, strict=True):
            each[asked] = logits(discriminant.network(shrinkage), vectors[asked])
    return scores


def logistic_scores(
    vectors: FloatArray, labels: RowArray, folds: RowArray, l2: float, look: Callable[[], None]
) -> FloatArray:
    """Return the logits of every picture by logistic regressions with a penalty `l2`; see `discriminant_scores`."""
    classes = int(labels.max()) + 1
    scores = np.zeros((len(labels), classes), np.float32)
    for rows, asked in _split(folds):
        regression = LogisticRegression(vectors, labels, rows, classes, VARIANCE_FLOOR)
        scores[asked] = logits(regression.network(l2, _ITERATIONS, None, lambda *_: None, look), vectors[asked])
    return scores


def _split(folds: RowArray) -> Iterator[tuple[RowArray, NDArray[np.intp]]]:
    """Yield the rows to fit on and the rows to judge, for each fold in which there are both."""
    for fold in range(FOLDS):
        rows, asked = np.flatnonzero(folds != fold).astype(np.int32), np.flatnonzero(folds == fold)
        if len(rows) and len(asked):
            yield rows, asked


def logits(network: heads.Network, vectors: FloatArray) -> FloatArray:
    """Return the outputs of a network of one linear layer, float32[n, classes]."""
    (layer,) = network.layers
    outputs = np.empty((len(vectors), len(layer.bias)), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = (vectors[start : start + _BLOCK] - network.mean) / network.scale
        outputs[start : start + _BLOCK] = block @ layer.weight + layer.bias
    return outputs
