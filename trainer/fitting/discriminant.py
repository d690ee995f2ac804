"""Linear discriminant analysis with a shrunken covariance, as a head of one linear layer. NumPy alone, in float64.

The classes are taken as normal with one covariance S, pooled over them, in inputs divided by the standard deviation
within classes, so that S has ones on its diagonal. S is estimated badly from few vectors and cannot be inverted when
there are fewer than dimensions; S' = (1 - s) S + s I can. The logits of class c with mean m and share p are then

    x · S'⁻¹ m - ½ m · S'⁻¹ m + log p

The shrinkage s is the caller's, or the one of Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
covariance matrices" (2004), lemma 3.3, with the residuals as the sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.fitting.batches import FloatArray, RowArray

    DoubleArray = npt.NDArray[np.float64]

LEDOIT_WOLF = 0.0
"""Stands for the shrinkage that Ledoit and Wolf's formula gives."""

_CHUNK_ROWS = 2048  # 32 MB of vectors of 2048 in float64
_MIN_SCALE = 1e-6  # a dimension that is constant within classes: its rounding must not be blown up
_MIN_SHRINKAGE = 1e-6  # keeps S' invertible
_ABSENT = 0.5  # examples that a class without any counts as


class Discriminant:
    """What one pass over the training vectors tells; heads of any shrinkage follow from it."""

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
        self._vectors, self._labels, self._rows, self._look = vectors, labels, rows, look
        count = len(rows)
        counts = np.bincount(labels[rows], minlength=classes).astype(np.float64)  # [classes]
        self._means = self._class_means(counts)
        self._scale = self._within_deviation()
        shares = np.full(classes, 1.0) if balanced else np.maximum(counts, _ABSENT)
        self._log_shares = np.log(shares / shares.sum())
        self._log_shares[counts == 0] = np.log(_ABSENT / (count + _ABSENT))
        self._mean = counts @ self._means / count  # [d]
        self._dual = count < vectors.shape[1]
        pieces = list(self._residuals()) if self._dual else []
        self._residual = np.concatenate(pieces) if pieces else np.empty((0, vectors.shape[1]))
        self._gram, fourth = self._second_moments()
        self.ledoit_wolf = self._estimate(fourth)
        """The shrinkage of Ledoit and Wolf, 0 to 1."""

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

    def _second_moments(self) -> tuple[DoubleArray, float]:
        """Return (R Rᵀ [n, n] if n < d, else S = Rᵀ R / n [d, d]; Σ |r|⁴ over the residuals r)."""
        if self._dual:
            gram = self._residual @ self._residual.T
            return gram, float((np.diagonal(gram) ** 2).sum())
        total, fourth = np.zeros((self._vectors.shape[1],) * 2), 0.0
        for residual in self._residuals():
            total += residual.T @ residual
            fourth += float(((residual**2).sum(axis=1) ** 2).sum())
        return total / len(self._rows), fourth

    def _estimate(self, fourth: float) -> float:
        """Return b² / d² of Ledoit and Wolf: b² = (Σ |r|⁴ / n - |S|²) / n, d² = |S - μI|², μ = trace S / d."""
        count, dimensions = len(self._rows), self._vectors.shape[1]
        if self._dual:
            square, trace = float((self._gram**2).sum()) / count**2, float(np.trace(self._gram)) / count
        else:
            square, trace = float((self._gram**2).sum()), float(np.trace(self._gram))
        distance = square - trace**2 / dimensions
        if distance <= 0:
            return 1.0
        return float(min(max((fourth / count - square) / count / distance, 0.0), 1.0))

    def _class_means(self, counts: DoubleArray) -> DoubleArray:
        """Return the means float64[classes, d]; of a class without rows that of all."""
        sums = np.zeros((len(counts), self._vectors.shape[1]))
        for chunk in self._chunks():
            np.add.at(sums, self._labels[chunk], self._vectors[chunk])
        overall = sums.sum(axis=0) / counts.sum()
        return np.where(counts[:, np.newaxis] > 0, sums / np.maximum(counts, 1)[:, np.newaxis], overall)

    def _within_deviation(self) -> DoubleArray:
        """Return the standard deviation within classes, float64[d]."""
        square = np.zeros(self._vectors.shape[1])
        for chunk in self._chunks():
            square += ((self._vectors[chunk] - self._means[self._labels[chunk]]) ** 2).sum(axis=0)
        scale = np.sqrt(square / len(self._rows))
        scale[scale < _MIN_SCALE] = 1.0
        return scale

    def _residuals(self) -> Iterator[DoubleArray]:
        """Yield the vectors less the mean of their class, scaled, float64[piece, d]."""
        for chunk in self._chunks():
            yield (self._vectors[chunk] - self._means[self._labels[chunk]]) / self._scale

    def _chunks(self) -> Iterator[RowArray]:
        for start in range(0, len(self._rows), _CHUNK_ROWS):
            yield self._rows[start : start + _CHUNK_ROWS]
            self._look()
