"""Linear discriminant analysis with a shrunken covariance, as a head of one linear layer. NumPy alone, in float64.

The classes are taken as normal with one covariance S, pooled over them. S is estimated badly from few vectors and
cannot be inverted when there are fewer than dimensions; S' = (1 - s) S + s T can, T being diagonal. The logits of class
c with mean m and share p are then

    x · S'⁻¹ m - ½ m · S'⁻¹ m + log p

T holds the variance v within classes of each dimension plus a tenth of their mean: T = diag(v + 0.1 mean v). Without
that floor a unit that is hardly ever active counts as much as the others, though its variance is known worst; behind a
ReLU there are many such units. R. Tibshirani et al., "Diagnosis of multiple cancer types by shrunken centroids"
(2002), add a constant to deviations for the same reason. All is computed in inputs divided by √T, where T is I.

The shrinkage s is the caller's, or the geometric mean of two estimates by Ledoit and Wolf's formula
(`fitting.shrinkage`): with all residuals as one sample it shrinks too little where a class has few pictures, since the
means were estimated too; with each class by itself, as scikit-learn does it, too much. docs/recipes.md has figures.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.fitting.shrinkage import class_shrinkage, estimate
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.fitting.batches import FloatArray, RowArray

    DoubleArray = npt.NDArray[np.float64]

LEDOIT_WOLF = 0.0
"""Stands for the shrinkage that Ledoit and Wolf's formula gives."""

_CHUNK_ROWS = 2048  # 32 MB of vectors of 2048 in float64
_FLOOR = 0.1  # of the mean variance, in every dimension's target
_MIN_VARIANCE = 1e-12  # vectors that do not differ within classes: rounding must not be blown up
_MIN_SHRINKAGE = 1e-6  # keeps S' invertible
_ABSENT = 0.5  # examples that a class without any counts as


class Discriminant:
    """What the training vectors tell; heads of any shrinkage follow from it."""

    def __init__(
        self,
        vectors: FloatArray,
        labels: RowArray,
        rows: RowArray,
        classes: int,
        *,
        balanced: bool = False,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Read the vectors, in pieces.

        Args:
            vectors: float32[n, d].
            labels: int32[n].
            rows: int32[t], those to learn from.
            classes: number of labels; one without a row gets a logit that hardly ever wins.
            balanced: every class is taken as equally likely, instead of by its share of the rows.
            look: called between pieces of work; it may raise.
        """
        self._vectors, self._labels, self._look = vectors, labels, look
        self._rows = rows[np.argsort(labels[rows], kind="stable")]  # a class is a run of rows now
        count = len(rows)
        counts = np.bincount(labels[rows], minlength=classes).astype(np.float64)  # [classes]
        self._counts = counts
        self._means = self._class_means(counts)
        variance = self._within_variance()
        mean = float(variance.mean())
        target = variance + _FLOOR * mean if mean > _MIN_VARIANCE else np.ones_like(variance)  # T
        self._scale = np.sqrt(target)
        shares = np.full(classes, 1.0) if balanced else np.maximum(counts, _ABSENT)
        self._log_shares = np.log(shares / shares.sum())
        self._log_shares[counts == 0] = np.log(_ABSENT / (count + _ABSENT))
        self._mean = counts @ self._means / count  # [d]
        self._dual = count < vectors.shape[1]
        pieces = list(self._residuals(0, count)) if self._dual else []
        self._residual = np.concatenate(pieces) if pieces else np.empty((0, vectors.shape[1]))

    @cached_property
    def ledoit_wolf(self) -> float:
        """The shrinkage of Ledoit and Wolf, 0 to 1: the geometric mean of that of all residuals and that of a class."""
        count, dimensions = len(self._rows), self._vectors.shape[1]
        by_class = 0.0
        for end, members in zip(np.cumsum(self._counts).astype(int).tolist(), self._counts.astype(int), strict=True):
            pieces = partial(self._residuals, end - int(members), end)  # one piece if there are fewer than dimensions
            by_class += float(members) / count * class_shrinkage(pieces, int(members), dimensions)
        squares = np.concatenate([(residual**2).sum(axis=1) for residual in self._residuals(0, count)])  # |r|²
        square = float((self._gram**2).sum()) / (count**2 if self._dual else 1)
        pooled = estimate(square, float(squares.mean()), float((squares**2).mean()), count, dimensions)
        return float(np.sqrt(by_class * pooled))

    def network(self, shrinkage: float) -> heads.Network:
        """Return the head with this shrinkage, above 0 to 1, or LEDOIT_WOLF."""
        s = max(self.ledoit_wolf if shrinkage == LEDOIT_WOLF else shrinkage, _MIN_SHRINKAGE)
        centred = ((self._means - self._mean) / self._scale).T  # [d, classes]
        weight = self._solve(s, centred)
        bias = -0.5 * (centred * weight).sum(axis=0) + self._log_shares
        layer = heads.Layer(weight.astype(np.float32), bias.astype(np.float32), "linear")
        return heads.Network(self._mean.astype(np.float32), self._scale.astype(np.float32), (layer,))

    def _solve(self, s: float, right: DoubleArray) -> DoubleArray:
        """Return ((1 - s) S + s I)⁻¹ · right.

        With R the residuals [n, d] and n < d it is, by Woodbury's identity, (right - Rᵀ (k I + R Rᵀ)⁻¹ R right) / s
        with k = n s / (1 - s): a system of n equations instead of d.
        """
        if not self._dual:
            return np.asarray(np.linalg.solve((1 - s) * self._gram + s * np.eye(len(self._gram)), right), np.float64)
        if s >= 1:
            return right
        count = len(self._gram)
        k = count * s / (1 - s)
        inner = np.linalg.solve(self._gram + k * np.eye(count), self._residual @ right)
        return np.asarray((right - self._residual.T @ inner) / s)

    @cached_property
    def _gram(self) -> DoubleArray:
        """R Rᵀ [n, n] if n < d, else S = Rᵀ R / n [d, d]."""
        if self._dual:
            return np.asarray(self._residual @ self._residual.T)
        total = np.zeros((self._vectors.shape[1],) * 2)
        for residual in self._residuals(0, len(self._rows)):
            total += residual.T @ residual
        return total / len(self._rows)

    def _class_means(self, counts: DoubleArray) -> DoubleArray:
        """Return the means float64[classes, d]; of a class without rows that of all."""
        sums = np.zeros((len(counts), self._vectors.shape[1]))
        for chunk in self._chunks(0, len(self._rows)):
            found, starts = np.unique(self._labels[chunk], return_index=True)
            sums[found] += np.add.reduceat(self._vectors[chunk], starts, axis=0, dtype=np.float64)
        overall = sums.sum(axis=0) / counts.sum()
        return np.where(counts[:, np.newaxis] > 0, sums / np.maximum(counts, 1)[:, np.newaxis], overall)

    def _within_variance(self) -> DoubleArray:
        """Return the variance within classes, float64[d]."""
        square = np.zeros(self._vectors.shape[1])
        for chunk in self._chunks(0, len(self._rows)):
            square += ((self._vectors[chunk] - self._means[self._labels[chunk]]) ** 2).sum(axis=0)
        return square / len(self._rows)

    def _residuals(self, start: int, end: int) -> Iterator[DoubleArray]:
        """Yield these rows less the mean of their class, scaled, float64[piece, d]."""
        for chunk in self._chunks(start, end):
            yield (self._vectors[chunk] - self._means[self._labels[chunk]]) / self._scale

    def _chunks(self, start: int, end: int) -> Iterator[RowArray]:
        step = max(_CHUNK_ROWS, self._vectors.shape[1])
        for at in range(start, end, step):
            yield self._rows[at : min(at + step, end)]
            self._look()
