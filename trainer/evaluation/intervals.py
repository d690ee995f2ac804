"""How far a share that was measured on some examples may lie from the truth."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


def wilson_interval(correct: int, examples: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share: (low, high), within 0 and 1.

    centre = (p + z²/2n) / (1 + z²/n); half = z/(1 + z²/n) · sqrt(p(1-p)/n + z²/4n²). Unlike the normal interval it
    holds for few examples and for shares near 0 and 1 (E. B. Wilson, 1927). Without examples it is (0, 1).
    """
    if examples == 0:
        return 0.0, 1.0
    p = correct / examples
    z2n = z * z / examples
    centre = (p + z2n / 2) / (1 + z2n)
    half = z / (1 + z2n) * math.sqrt(p * (1 - p) / examples + z2n / (4 * examples))
    return max(0.0, centre - half), min(1.0, centre + half)
