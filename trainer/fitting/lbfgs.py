"""Minimising a smooth convex function by L-BFGS: J. Nocedal and S. Wright, Numerical Optimization (2006), 7.2."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    DoubleArray = npt.NDArray[np.float64]
    Function = Callable[[DoubleArray], tuple[float, DoubleArray]]

_MEMORY = 10  # pairs of differences kept
_ARMIJO = 1e-4  # of the decrease that the slope promises, a step must bring this share
_HALVINGS = 30
_TOLERANCE = 1e-5  # of the largest partial derivative, as a share of the one at the start
_CURVATURE = 1e-10  # pairs below are left out, so that the approximated Hessian stays positive


def minimise(
    function: Function, start: DoubleArray, iterations: int, report: Callable[[int, float], None]
) -> DoubleArray:
    """Return where the function is least, or where no step brings it down any more.

    Args:
        function: returns its value and gradient float64[n] at float64[n].
        start: float64[n].
        iterations: at most.
        report: called after each iteration with its number (1, 2 …) and the value; it may raise.
    """
    x = start.copy()
    value, gradient = function(x)
    enough = _TOLERANCE * max(float(np.abs(gradient).max()), 1e-12)
    pairs: deque[tuple[DoubleArray, DoubleArray, float]] = deque(maxlen=_MEMORY)
    for number in range(1, iterations + 1):
        direction = _direction(gradient, pairs)
        slope = float(gradient @ direction)
        step = 1.0 if pairs else 1.0 / max(float(np.linalg.norm(gradient)), 1e-12)
        for _ in range(_HALVINGS):
            moved = x + step * direction
            new_value, new_gradient = function(moved)
            if new_value <= value + _ARMIJO * step * slope:
                break
            step /= 2
        else:
            return x  # at the limit of the arithmetic
        change, turn = moved - x, new_gradient - gradient
        product = float(change @ turn)
        if product > _CURVATURE * float(turn @ turn):
            pairs.append((change, turn, 1.0 / product))
        x, value, gradient = moved, new_value, new_gradient
        report(number, value)
        if float(np.abs(gradient).max()) <= enough:
            break
    return x


def _direction(gradient: DoubleArray, pairs: deque[tuple[DoubleArray, DoubleArray, float]]) -> DoubleArray:
    """Return minus the approximated inverse Hessian times the gradient: the two-loop recursion, algorithm 7.4."""
    q = gradient.copy()
    factors = []
    for change, turn, rho in reversed(pairs):
        factor = rho * float(change @ q)
        q -= factor * turn
        factors.append(factor)
    if pairs:
        change, turn, rho = pairs[-1]
        q /= rho * float(turn @ turn)
    for (change, turn, rho), factor in zip(pairs, reversed(factors), strict=True):
        q += (factor - rho * float(turn @ q)) * change
    return -q
