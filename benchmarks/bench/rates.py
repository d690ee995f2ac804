"""Arithmetic of measurements: rates of callers that wait for their answers, percentiles, slopes; pure functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TooFewAnswersError(ValueError):
    """A rate cannot be told from so few answers; measure for longer."""


def closed_loop_rate(completions_s: Sequence[Sequence[float]], *, items: int = 1) -> float:
    """Items a second of callers that each send the next request when the last one is answered.

    sum over callers of (answers - 1) · items / (time of the last answer - time of the first)

    Each caller is measured between two of its own answers: neither the way into the steady state nor the edges of a
    window that cuts through a batch (whose answers come all at once) count.

    Args:
        completions_s: for each caller the times of its answers, ascending, in seconds.
        items: items in one request.

    Raises:
        TooFewAnswersError: a caller had fewer than two answers.
    """
    rate = 0.0
    for times in completions_s:
        if len(times) < 2 or times[-1] <= times[0]:  # noqa: PLR2004 - an interval has two ends
            raise TooFewAnswersError(f"a caller had {len(times)} answers; measure for longer")
        rate += (len(times) - 1) * items / (times[-1] - times[0])
    return rate


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank; 100 is the largest).

    Raises:
        TooFewAnswersError: there is no value.
    """
    if not values:
        raise TooFewAnswersError("nothing was measured")
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Least-squares slope of y over x: sum (x - mean x)(y - mean y) / sum (x - mean x)²; 0 if all x are the same."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if spread == 0:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
