"""Temperature scaling: one number that makes a head as sure as it is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from trainer.evaluation.arrays import Floats, Labels
    from trainer.registry import heads

_WIDEST = 3.0  # of ln T: temperatures from 0.05 to 20
_STEPS = 60
_PRIOR_SPREAD = 0.5
"""Standard deviation of ln T before any picture is seen: it keeps T finite where every held-out answer is right, and
weighs as much as a few pictures."""


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

    It minimises n · log loss(T) + (ln T)² / (2 · spread²) over ln T by golden sections; the log loss is convex in
    1/T, so there is one least value. Without pictures T is 1.
    """
    z = logits.astype(np.float64)
    before = _log_loss(z, truth)
    ratio = (np.sqrt(5) - 1) / 2
    low, high = -_WIDEST, _WIDEST
    for _ in range(_STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _cost(z, truth, left) < _cost(z, truth, right):
            high = right
        else:
            low = left
    temperature = float(np.exp((low + high) / 2)) if len(truth) else 1.0
    return Calibration(temperature, len(truth), before, _log_loss(z / temperature, truth))


def with_temperature(network: heads.Network, temperature: float) -> heads.Network:
    """Return the network whose logits are divided by a temperature: its last layer is, so it costs nothing to serve.

    This holds for a last layer with a ReLU too, since max(h, 0) / T = max(h / T, 0).
    """
    last = network.layers[-1]
    divisor = np.float32(temperature)
    divided = replace(last, weight=last.weight / divisor, bias=last.bias / divisor)
    return replace(network, layers=(*network.layers[:-1], divided))


def _cost(z: npt.NDArray[np.float64], truth: Labels, log_temperature: float) -> float:
    loss = _log_loss(z / np.exp(log_temperature), truth)
    return len(truth) * loss + log_temperature**2 / (2 * _PRIOR_SPREAD**2)


def _log_loss(z: npt.NDArray[np.float64], truth: Labels) -> float:
    """Return the mean of log Σ exp(z) - z(true) of logits [n, classes]; 0 without pictures."""
    if not len(truth):
        return 0.0
    shifted = z - z.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]).mean())
