"""Setting the thresholds of the unknown rule on held-out pictures, for a stated false-accept rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.registry.unknown_rule import Thresholds

if TYPE_CHECKING:
    import numpy.typing as npt

    from trainer.evaluation.arrays import Floats

MINIMUM_PROBABILITY = 0.5
"""A label that is more likely wrong than right is never KNOWN."""

FALSE_REJECT_RATE = 0.05
"""Share of held-out pictures of known classes that may lie above `reject`."""

_STEPS = 100
_RIDGE = 1e-3
_SETTLED = 1e-9


def set_thresholds(known: Floats, unknown: Floats, held_out: Floats, false_accept_rate: float) -> Thresholds:
    """Return the thresholds of a rule; no argument is empty.

    With a class left out distances are on another scale, the more so the fewer classes there are. So a distance is
    carried over by the share of known pictures below it: `accept` is the distance below which as large a share of
    `held_out` lies as of `known` lies below the distance that `false_accept_rate` of `unknown` keeps, but not above the
    one that 5 % of `held_out` exceeds. `reject` is the greater of these two. So where known and unknown overlap, what
    lies between is like both; where they do not, it is like neither. The score is a logistic regression of unknown on
    distance, each kind counting the same.

    Args:
        known: [k] distances of held-out pictures of other classes while one class was left out.
        unknown: [u] distances of the pictures of the class left out, by the same rules.
        held_out: [h] distances of held-out pictures by rules that know every class.
        false_accept_rate: share of unknown pictures that may be accepted, 0 to 1.
    """
    limit = float(np.quantile(unknown, false_accept_rate, method="lower"))
    # the distance below which as large a share of `held_out` lies as of `known` lies below the limit
    accept = float(np.quantile(held_out, float((known < limit).mean())))
    usual = float(np.quantile(held_out, 1 - FALSE_REJECT_RATE, method="higher"))
    carried = unknown + (np.median(held_out) - np.median(known))
    slope, offset = _logistic(held_out.astype(np.float64), carried.astype(np.float64))
    return Thresholds(slope, offset, min(accept, usual), max(accept, usual), MINIMUM_PROBABILITY, false_accept_rate)


def _logistic(known: npt.NDArray[np.float64], unknown: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return (slope, offset) of Platt's scaling, by Newton's method on standardised distances.

    Targets are (n + 1)/(n + 2) and 1/(n + 2) instead of 1 and 0 (J. Platt, 1999), so that kinds that do not overlap
    give a finite slope. The slope is kept above 0: a larger distance never lowers the score.
    """
    both = np.concatenate([known, unknown])
    centre, scale = both.mean(), both.std() or 1.0
    x = (both - centre) / scale
    sizes = [len(known), len(unknown)]
    target = np.repeat([1 / (sizes[0] + 2), 1 - 1 / (sizes[1] + 2)], sizes)
    weight = np.repeat([0.5 / sizes[0], 0.5 / sizes[1]], sizes)
    inputs = np.stack([x, np.ones_like(x)], axis=1)  # [n, 2]
    found = np.zeros(2)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(inputs @ found, -30, 30)))
        gradient = inputs.T @ (weight * (p - target)) + _RIDGE * found * (1, 0)
        hessian = (inputs * (weight * p * (1 - p))[:, np.newaxis]).T @ inputs + np.diag([_RIDGE, 1e-9])
        step = np.linalg.solve(hessian, gradient)
        found -= step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))  # never more than 2 at once
        if np.abs(step).max() < _SETTLED:
            break
    slope = max(float(found[0]), 1e-3) / scale
    return float(slope), float(found[1] - slope * centre)
