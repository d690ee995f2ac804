"""How many pictures a class a wished accuracy takes, read off a learning curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

FARTHEST: Final = 10.0
"""A guess goes no farther than this many times the largest measured number: beyond, the curve's law is anybody's."""

_FITTED_POINTS: Final = 4
_LEAST_POINTS: Final = 3


@dataclass(frozen=True, slots=True)
class Needed:
    """The answer.

    Attributes:
        per_class: pictures a class.
        extrapolated: more than were measured; a guess.
    """

    per_class: int
    extrapolated: bool


def pictures_needed(points: Sequence[tuple[int, float]], wished: float) -> Needed | None:
    """The number of pictures a class at which the curve reaches the wished accuracy; None where that cannot be said.

    Between two points it is interpolated over the logarithm of the number, along the best accuracy so far (chance lets
    a curve sag). Beyond the last one the error is taken to fall as a power of the number, error = b · n^-c, as learning
    curves mostly do (C. Cortes et al., 1993), fitted to the logarithms of the last points.

    Args:
        points: (pictures a class, accuracy 0 to 1), ascending.
        wished: above 0 and below 1.
    """
    reached = np.maximum.accumulate([accuracy for _, accuracy in points])
    numbers = np.log([number for number, _ in points])
    above = int(np.searchsorted(reached, wished))
    if above == 0:
        return Needed(points[0][0], extrapolated=False)  # the fewest that were tried will do
    if above < len(points):
        share = (wished - reached[above - 1]) / (reached[above] - reached[above - 1])
        place = numbers[above - 1] + share * (numbers[above] - numbers[above - 1])
        return Needed(int(np.ceil(np.exp(place) - 1e-9)), extrapolated=False)
    return _beyond(points, wished)


def _beyond(points: Sequence[tuple[int, float]], wished: float) -> Needed | None:
    last = [(number, 1 - accuracy) for number, accuracy in points[-_FITTED_POINTS:] if accuracy < 1]
    if len(last) < _LEAST_POINTS:
        return None
    slope, offset = np.polyfit(np.log([number for number, _ in last]), np.log([error for _, error in last]), 1)
    if slope >= 0:  # it does not fall
        return None
    place = (np.log(1 - wished) - offset) / slope
    most = points[-1][0]
    if place > np.log(FARTHEST * most):
        return None
    return Needed(max(int(np.ceil(np.exp(place))), most + 1), extrapolated=True)
