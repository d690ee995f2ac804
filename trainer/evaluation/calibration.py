"""Temperature scaling: one number that makes a head as sure as it is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from trainer.evaluation.arrays import Floats, Labels
    from trainer.registry import heads

_LOWEST, _HIGHEST = -7.0, 17.0  # of ln T; logits of `auto` go into the millions where it finds every picture right
_GRID, _STEPS = 49, 30  # places to look at first, then golden sections between the two beside the best
_IMAGINED = 0.5  # wrong answers
_PRIOR_SPREAD = 0.7
"""Half width of what is held likely of ln T before any picture is seen; it weighs as much as a few pictures. Its tails
are those of Cauchy's distribution, so that logits on quite another scale are no matter."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a temperature was found.

    Attributes:
        temperature: what logits are divided by; above 1 it makes a head less sure.
        held_out: pictures that it was fitted on, each by a head that was not trained on it.
        log_loss_before: on those, undivided, in nats.
        log_loss_after: on those, divided.
    """

    temperature: float
    held_out: int
    log_loss_before: float
    log_loss_after: float


def calibrate(logits: Floats, truth: Labels) -> Calibration:
    """Return the temperature of held-out logits [n, classes] with true labels int[n] (Guo et al., 2017).

    It minimises n · log loss(T) + ln(1 + (ln T / spread)²), where half a wrong answer is imagined beside the n that are
    there: of each picture's target the best other label has 0.5 / (n + 1). So n right answers make no head surer than n
    right answers can (J. Platt, 1999, softens targets in this way), on whatever scale its logits are. T is 1
    without pictures or with one class.
    """
    z = logits.astype(np.float64)
    if not len(truth) or z.shape[1] == 1:
        return Calibration(1.0, len(truth), 0.0, 0.0)
    each = np.arange(len(truth))
    own = z[each, truth]
    others = z.copy()
    others[each, truth] = -np.inf
    share = _IMAGINED / (len(truth) + 1)
    centred = z - z.max(axis=1, keepdims=True)
    target = (1 - share) * own + share * others.max(axis=1) - z.max(axis=1)  # [n], what is to be likely, as `centred`

    def cost(log_temperature: float) -> float:
        by = np.exp(-log_temperature)
        loss = np.log(np.exp(centred * by).sum(axis=1)) - target * by
        return float(loss.sum()) + float(np.log1p((log_temperature / _PRIOR_SPREAD) ** 2))

    temperature = float(np.exp(_least(cost)))
    return Calibration(temperature, len(truth), _log_loss(z, truth), _log_loss(z / temperature, truth))


def _least(cost: Callable[[float], float]) -> float:
    """Return where the cost is least between _LOWEST and _HIGHEST."""
    grid = np.linspace(_LOWEST, _HIGHEST, _GRID)
    best = int(np.argmin([cost(at) for at in grid.tolist()]))
    low, high = float(grid[max(0, best - 1)]), float(grid[min(_GRID - 1, best + 1)])
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(_STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cost(left) < cost(right):
            high = right
        else:
            low = left
    return (low + high) / 2


def with_temperature(network: heads.Network, temperature: float) -> heads.Network:
    """Return the network whose logits are divided by a temperature: its last layer is, so it costs nothing to serve.

    This holds for a last layer with a ReLU too, since max(h, 0) / T = max(h / T, 0).
    """
    last = network.layers[-1]
    divisor = np.float32(temperature)
    divided = replace(last, weight=last.weight / divisor, bias=last.bias / divisor)
    return replace(network, layers=(*network.layers[:-1], divided))


def _log_loss(z: npt.NDArray[np.float64], truth: Labels) -> float:
    """Return the mean of log Σ exp(z) - z(true) of logits [n, classes]."""
    shifted = z - z.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]).mean())
