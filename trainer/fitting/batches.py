"""What training draws at random: initial weights, batches, residual noise. Pure NumPy, so a seed says everything."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float32]
RowArray = npt.NDArray[np.int32]

_WEIGHTS, _BATCHES = 0, 1  # streams of one seed that do not overlap
TRUNCATED_AT = 2.0
"""A truncated normal draws again what lies beyond this many standard deviations."""

PARTNERS = 2
"""How many other examples' residuals are added to a training vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """The batches of some steps, as rows of the vectors' tensor.

    Attributes:
        rows: int32[steps, batch], the examples of each step.
        partners: int32[steps, batch, PARTNERS], whose residuals are added.
        factors: float32[steps, batch, PARTNERS], by how much.
    """

    rows: RowArray
    partners: RowArray
    factors: FloatArray

    def cut(self, start: int, stop: int) -> Batches:
        """Return the batches of the steps from `start` up to, but not including, `stop`."""
        return Batches(self.rows[start:stop], self.partners[start:stop], self.factors[start:stop])


def he_weights(seed: int, sizes: Sequence[int]) -> list[FloatArray]:
    """Return the weights float32[inputs, outputs] between layers of these sizes, by He et al. (2015).

    Normal with variance 2 / inputs before a ReLU, 1 / inputs before the logits, which have none.
    """
    rng = np.random.default_rng([seed, _WEIGHTS])
    last = len(sizes) - 2
    return [
        rng.standard_normal((inputs, outputs), np.float32) * np.float32(np.sqrt((1 if index == last else 2) / inputs))
        for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes))
    ]


def truncated_normal_weights(seed: int, sizes: Sequence[int], stddev: float) -> list[FloatArray]:
    """Return the weights between layers of these sizes: normal, drawn again beyond two standard deviations."""
    rng = np.random.default_rng([seed, _WEIGHTS])
    weights = []
    for inputs, outputs in itertools.pairwise(sizes):
        draw = rng.standard_normal((inputs, outputs), np.float32)
        while (beyond := np.abs(draw) > TRUNCATED_AT).any():
            draw[beyond] = rng.standard_normal(int(beyond.sum()), np.float32)
        weights.append(draw * np.float32(stddev))
    return weights


def with_replacement(seed: int, first_step: int, steps: int, rows: RowArray, batch_size: int) -> Batches:
    """Return `steps` batches, each of `batch_size` of `rows` int32[n], any row any number of times."""
    rng = np.random.default_rng([seed, _BATCHES, first_step])
    return _plain(rng.choice(rows, (steps, batch_size)))


def epoch(seed: int, number: int, rows: RowArray, batch_size: int, noise: float) -> Batches:
    """Return the batches of one pass over `rows` int32[n], in an order of its own.

    What does not fill a batch is left out; another epoch's order has it. With fewer rows than a batch all are one.

    Args:
        seed: of the recipe.
        number: of the epoch.
        rows: the examples to train on.
        batch_size: examples a step.
        noise: standard deviation of the factors; 0 draws none.
    """
    rng = np.random.default_rng([seed, _BATCHES, number])
    batch = min(batch_size, len(rows))
    steps = len(rows) // batch
    order = rng.permutation(rows)[: steps * batch].reshape(steps, batch)
    if not noise:
        return _plain(order)
    partners = rng.choice(rows, (steps, batch, PARTNERS))
    factors = rng.standard_normal((steps, batch, PARTNERS), np.float32) * np.float32(noise)
    return Batches(order, partners, factors)


def cosine_rates(highest: float, done: int, steps: int, planned: int) -> FloatArray:
    """Return learning rates float32[steps] after `done` of `planned` steps: from `highest` to 0 on half a cosine."""
    at = (np.arange(steps) + done) / planned  # [steps], 0 to below 1
    return (highest * 0.5 * (1 + np.cos(np.pi * at))).astype(np.float32)


def _plain(rows: RowArray) -> Batches:
    """Return batches without residual noise: no partners at all, so that nothing is fetched for it."""
    shape = (*rows.shape, 0)
    return Batches(rows, np.zeros(shape, np.int32), np.zeros(shape, np.float32))
