"""Scores of logits on held-out examples, and the factor that makes them mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray, RowArray

    DoubleArray = npt.NDArray[np.float64]

_LOWEST, _HIGHEST = 0.005, 50.0  # of a factor: logits that are always right would ask for an endless one
_ROUNDS = 40  # of golden sections: the interval of the logarithm is then below 1e-7
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Score:
    """How logits do on held-out examples.

    Attributes:
        accuracy: weighted share that is right, 0 to 1.
        log_loss: weighted mean cross-entropy in nats, of the logits times the factor.
        factor: what the logits are multiplied by to make that loss least: 1 / temperature.
    """

    accuracy: float
    log_loss: float
    factor: float


def score(logits: FloatArray, labels: RowArray, weights: FloatArray) -> Score:
    """Score logits float32[n, classes] against int32[n]; `weights` float32[n] say what each example counts."""
    right = logits.argmax(axis=1) == labels
    shares = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    centred = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    own = centred[np.arange(len(labels)), labels]

    def loss(logarithm: float) -> float:
        by = np.exp(logarithm)
        return float(shares @ (np.log(np.exp(by * centred).sum(axis=1)) - by * own))

    # the loss is convex in the factor, so it falls, then rises, in its logarithm too
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    left, right_ = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right_)
    for _ in range(_ROUNDS):
        if at_left < at_right:
            high, right_, at_right = right_, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right_, at_right
            right_ = low + _GOLDEN * (high - low)
            at_right = loss(right_)
    logarithm = float((low + high) / 2)
    return Score(float(shares @ right), loss(logarithm), float(np.exp(logarithm)))


def losses(logits: FloatArray, labels: RowArray) -> DoubleArray:
    """Return the cross-entropy of each example, float64[n], in nats."""
    centred = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(centred).sum(axis=1)) - centred[np.arange(len(labels)), labels])
