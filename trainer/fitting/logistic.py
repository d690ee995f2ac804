"""Multinomial logistic regression with an L2 penalty on standardised vectors, as a head of one linear layer.

Minimises Σ w(y) · cross-entropy + ½ l2 |W|² over the training rows by L-BFGS (`fitting.lbfgs`); biases are free. The
problem is convex, so nothing is drawn: there is no seed. Products are in float32, sums over pieces in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.fitting import lbfgs
from trainer.fitting.statistics import standardisation
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.fitting.batches import FloatArray, RowArray

    DoubleArray = npt.NDArray[np.float64]

_CHUNK_ROWS = 4096


class LogisticRegression:
    """The training vectors, standardised; heads of any penalty follow from them."""

    def __init__(
        self,
        vectors: FloatArray,
        labels: RowArray,
        rows: RowArray,
        classes: int,
        floor: float,
        weights: FloatArray | None = None,
    ) -> None:
        """Standardise: small sets once, large ones in pieces whenever they are needed.

        Args:
            vectors: float32[n, d].
            labels: int32[n].
            rows: int32[t], those to learn from.
            classes: number of labels.
            floor: of the variances (`statistics.standardisation`).
            weights: float32[classes], what an example of each class counts; None is 1.
        """
        self._vectors, self._labels, self._rows, self._classes = vectors, labels, rows, classes
        self._mean, self._scale = standardisation(vectors, rows, floor)
        counted = np.ones(classes, np.float32) if weights is None else weights
        self._counted = counted[labels[rows]]  # [t]
        self._kept = list(self._standardised()) if len(rows) <= _CHUNK_ROWS else None

    def network(
        self,
        l2: float,
        iterations: int,
        start: heads.Network | None,
        report: Callable[[int, float], None],
        look: Callable[[], None],
    ) -> heads.Network:
        """Return the head with this penalty.

        Args:
            l2: above 0; scikit-learn's C is 1 / l2.
            iterations: at most.
            start: what to begin from, for example the head of a neighbouring penalty; None is all zeros.
            report: called after each iteration with its number and the mean loss, penalty included; it may raise.
            look: called between pieces of work; it may raise.
        """
        shape = (self._vectors.shape[1] + 1, self._classes)  # the bias is the last row
        first = np.zeros(shape)
        if start is not None:
            first[:-1], first[-1] = start.layers[0].weight, start.layers[0].bias
        found = lbfgs.minimise(lambda x: self._loss(x.reshape(shape), l2, look), first.ravel(), iterations, report)
        arrays = found.reshape(shape).astype(np.float32)
        return heads.Network(self._mean, self._scale, (heads.Layer(arrays[:-1].copy(), arrays[-1].copy(), "linear"),))

    def _loss(self, parameters: DoubleArray, l2: float, look: Callable[[], None]) -> tuple[float, DoubleArray]:
        """Return the objective over the number of rows, and its gradient."""
        weight, bias = parameters[:-1].astype(np.float32), parameters[-1].astype(np.float32)
        total, gradient, start = 0.0, np.zeros_like(parameters), 0
        for inputs in self._kept or self._standardised():
            stop = start + len(inputs)
            truth, counted = self._labels[self._rows[start:stop]], self._counted[start:stop]
            outputs = inputs @ weight + bias  # [piece, classes]
            outputs -= outputs.max(axis=1, keepdims=True)
            right = outputs[np.arange(len(inputs)), truth]
            np.exp(outputs, out=outputs)
            sums = outputs.sum(axis=1)
            total += float((counted * (np.log(sums) - right)).sum(dtype=np.float64))
            outputs /= sums[:, np.newaxis]
            outputs[np.arange(len(inputs)), truth] -= 1
            outputs *= counted[:, np.newaxis]
            gradient[:-1] += inputs.T @ outputs
            gradient[-1] += outputs.sum(axis=0, dtype=np.float64)
            start = stop
            look()
        gradient[:-1] += l2 * parameters[:-1]
        total += 0.5 * l2 * float((parameters[:-1] ** 2).sum())
        return total / len(self._rows), gradient.ravel() / len(self._rows)

    def _standardised(self) -> Iterator[FloatArray]:
        for start in range(0, len(self._rows), _CHUNK_ROWS):
            yield (self._vectors[self._rows[start : start + _CHUNK_ROWS]] - self._mean) / self._scale
