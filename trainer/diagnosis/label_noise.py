"""Which labels are likely wrong, from scores that were given without knowing them.

The labels are taken to be right but for a share e of them, which are any other of the k labels by chance. With p the
probabilities of a picture (the softmax of its scores times t), its label y is then seen with probability

    (1 - e) p_y + e (1 - p_y) / (k - 1)

The pair (t, e) that makes the labels of the dataset most likely is looked up on a grid: t tells how far the scores are
to be believed, on these very pictures, e how many labels are wrong. Of a hundred pictures they say little about e: none
wrong and scores that mean nothing may explain the labels as well. So 40 labels count as seen before, 2 of them wrong;
thousands of pictures outvote them. The second term's share of the sum is the
probability that this label is wrong. So a set that is hard to tell apart gets few suspects, and one that is easy gets
each wrong label, without a threshold for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray

    DoubleArray = NDArray[np.float64]

_TEMPERATURES: Final = np.geomspace(0.01, 2, 28)
_RATES: Final = np.geomspace(0.001, 0.4, 28)
_BEFORE: Final = (2.0, 38.0)  # wrong and right labels: what few pictures are taken to be like
_SAMPLE: Final = 4000  # pictures that the grid is searched with
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class LabelNoise:
    """What the scores say about the labels.

    Attributes:
        wrong: float64[n], probability that the label is wrong.
        probabilities: float64[n, k] of the labels by the scores alone.
        rate: share of wrong labels in the dataset.
        temperature: what the scores are multiplied by.
        log_likelihood: mean over the pictures searched with, in nats, what was seen before included: the higher, the
            better the scores.
    """

    wrong: DoubleArray
    probabilities: DoubleArray
    rate: float
    temperature: float
    log_likelihood: float


def estimate_noise(scores: FloatArray, labels: RowArray) -> LabelNoise:
    """Return which labels int32[n] are likely wrong by the scores float32[n, k], k at least 2."""
    classes = scores.shape[1]
    sample = np.random.default_rng(0).permutation(len(labels))[:_SAMPLE]
    best = (-np.inf, 1.0, 0.0)
    before = _BEFORE[0] * np.log(_RATES) + _BEFORE[1] * np.log1p(-_RATES)
    for temperature in _TEMPERATURES:
        own = _probabilities(scores[sample], float(temperature))[np.arange(len(sample)), labels[sample]]
        for rate, prior in zip(_RATES, before, strict=True):
            seen = (1 - rate) * own + rate * (1 - own) / (classes - 1)
            likelihood = (float(np.log(seen + _TINY).sum()) + float(prior)) / len(sample)
            best = max(best, (likelihood, float(temperature), float(rate)))
    likelihood, temperature, rate = best
    probabilities = _probabilities(scores, temperature)
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    by_chance = rate * (1 - own) / (classes - 1)
    wrong = by_chance / ((1 - rate) * own + by_chance + _TINY)
    return LabelNoise(wrong, probabilities, rate, temperature, likelihood)


def _probabilities(scores: FloatArray, temperature: float) -> DoubleArray:
    powers = scores.astype(np.float64) * temperature
    powers -= powers.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
