"""How much a quantised network loses: cosines between vectors, and what a linear head gets right. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from feature_extractor.trunks.quantised.manifest import CosineLoss, HeadLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FOLDS = 5
_ROUNDS = 4  # divisions into folds: one alone can swing by a point on a few hundred pictures
_RIDGE = 0.1  # of the mean squared length of a centred vector, so that the unit of the vectors does not matter
_FEWEST_LABELS = 2
_NORMAL_95 = 1.96  # standard deviations around a mean that hold 95 % of a normal distribution


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64[n] from float32[n, d] twice: the cosine between each pair of rows; 1 where both are zero, 0 where one is.

    An untrained or dead network gives zero vectors; two of these agree.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    both_zero = ~x.any(axis=1) & ~y.any(axis=1)
    products = np.einsum("nd,nd->n", x, y)
    found = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return np.where(both_zero, 1.0, found)


def cosine_loss(float32: NDArray[np.float32], int8: NDArray[np.float32]) -> CosineLoss:
    """Median, first percentile and minimum of the cosines; [n, d] twice, n at least 1."""
    found = cosines(float32, int8)
    return CosineLoss(len(found), float(np.median(found)), float(np.percentile(found, 1)), float(found.min()))


def head_loss(
    float32: NDArray[np.float32], int8: NDArray[np.float32], labels: Sequence[str], *, folds: int = FOLDS
) -> HeadLoss | None:
    """Cross-validated accuracy of a linear head on [n, d] float32 and 8-bit vectors, `labels` having n entries.

    Empty labels, and those of fewer pictures than there are folds, are left out; None where fewer than two remain.
    Both heads see the same folds, so the interval is of the paired difference: each picture's share of rounds told
    right on 8-bit vectors less that on float32 ones, its mean plus and minus 1.96 standard errors.
    """
    names, counts = np.unique(np.asarray(labels), return_counts=True)
    names = names[(counts >= folds) & (names != "")]
    if len(names) < _FEWEST_LABELS:
        return None
    chosen = np.isin(labels, names)
    classes = np.searchsorted(names, np.asarray(labels)[chosen])
    right = np.zeros((2, len(classes)))
    for seed in range(_ROUNDS):
        parts = divide(classes, folds, seed)
        for which, vectors in enumerate((float32[chosen], int8[chosen])):
            right[which] += predict_by_folds(vectors, classes, parts) == classes
    right /= _ROUNDS
    difference = right[1] - right[0]
    margin = _NORMAL_95 * float(difference.std(ddof=1)) / np.sqrt(len(difference))
    points = float(difference.mean())
    return HeadLoss(
        labels=len(names),
        pictures=len(classes),
        folds=folds,
        accuracy_float32=float(right[0].mean()),
        accuracy_int8=float(right[1].mean()),
        points=100 * points,
        points_low=100 * float(points - margin),
        points_high=100 * float(points + margin),
    )


def divide(classes: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold, 0 to folds - 1, of each of the n pictures; each class is spread over the folds evenly."""
    order = np.random.default_rng(seed).permutation(len(classes))
    parts = np.empty(len(classes), np.int64)
    parts[order[np.argsort(classes[order], kind="stable")]] = np.arange(len(classes)) % folds
    return parts


def predict_by_folds(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], parts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """int64[n]: the class that a head trained on the other folds gives each of the [n, d] vectors.

    The head is ridge regression on one-hot targets: W = X^T (X X^T + r I)^-1 Y over centred X and Y, which needs an
    [n, n] system only, however long the vectors are. X holds square roots: averages of rectified maps are skewed, and
    a linear head gets some points more right on their roots.
    """
    roots = np.sign(vectors) * np.sqrt(np.abs(vectors.astype(np.float64)))
    targets = np.eye(int(classes.max()) + 1)[classes]
    predicted = np.empty(len(classes), np.int64)
    for part in np.unique(parts):
        train, test = parts != part, parts == part
        centre, mean = roots[train].mean(axis=0), targets[train].mean(axis=0)
        x, unseen = roots[train] - centre, roots[test] - centre
        gram = x @ x.T  # [n, n]
        ridge = _RIDGE * np.trace(gram) / len(gram) + np.finfo(np.float64).tiny
        weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), targets[train] - mean)
        predicted[test] = (unseen @ x.T @ weights + mean).argmax(axis=1)
    return predicted
