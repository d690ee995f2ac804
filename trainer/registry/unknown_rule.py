"""The rule by which a head tells pictures of classes that it never saw: its numbers, and how they are applied.

For a vector v, all in float32:

    x         = sign(v) · sqrt|v| - mean                     [d]; the root keeps single large values from ruling
    z         = x @ projection                               [r]; the directions in which the training pictures differ
    w         = z @ whitening                                [r]
    near      = min over classes of |w - centre|²            how far from the nearest class
    common    = Σ w² · background                            how far from the training pictures as a whole
    residual  = max(0, |x|² - |z|²) · residual_weight        what lies outside those directions
    distance  = near - common + residual
    score     = 1 / (1 + exp(-(slope · distance + offset)))  0 to 1

`near - common` is the relative Mahalanobis distance (Ren et al., 2021): what is unusual of any picture cancels, what is
unusual for the class stays. The verdict of a vector whose best label has the calibrated probability p:

    UNKNOWN    if distance > reject, or is not a number because the vector's values are too large
    KNOWN      if distance < accept and p >= minimum_probability
    UNCERTAIN  otherwise
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

FloatArray = npt.NDArray[np.float32]

_PREFIX = "unknown."


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """How distances are measured.

    Attributes:
        mean: float32[d], of the roots.
        projection: float32[d, r], orthonormal columns.
        whitening: float32[r, r].
        centres: float32[classes, r], the classes' means.
        background: float32[r], each above 0.
        residual_weight: above 0.
    """

    mean: FloatArray
    projection: FloatArray
    whitening: FloatArray
    centres: FloatArray
    background: FloatArray
    residual_weight: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From a distance to a score and a verdict.

    Attributes:
        slope: of the score, above 0.
        offset: of the score.
        accept: KNOWN lies below this distance.
        reject: UNKNOWN lies above this one; not below `accept`.
        minimum_probability: a less probable label is never KNOWN.
        false_accept_rate: the share of unknown pictures below `accept` that was asked for.
    """

    slope: float
    offset: float
    accept: float
    reject: float
    minimum_probability: float
    false_accept_rate: float

    def to_dict(self) -> dict[str, float]:
        """Return them as the manifest holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class UnknownRule:
    """The whole rule."""

    directions: Directions
    thresholds: Thresholds

    def tensors(self) -> dict[str, FloatArray]:
        """Return its arrays by the names they have in head.safetensors."""
        d = self.directions
        return {
            _PREFIX + "mean": d.mean,
            _PREFIX + "projection": d.projection,
            _PREFIX + "whitening": d.whitening,
            _PREFIX + "centres": d.centres,
            _PREFIX + "background": d.background,
        }

    def to_dict(self) -> dict[str, float]:
        """Return its single numbers as the manifest holds them."""
        return {"residual_weight": self.directions.residual_weight, **self.thresholds.to_dict()}

    @classmethod
    def read(cls, numbers: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> UnknownRule:
        """Return the rule that `to_dict` and `tensors` wrote; KeyError or TypeError if they did not."""
        rest = {name: float(value) for name, value in numbers.items() if name != "residual_weight"}
        names = ("mean", "projection", "whitening", "centres", "background")
        mean, projection, whitening, centres, background = (arrays[_PREFIX + name] for name in names)
        weight = float(numbers["residual_weight"])
        directions = Directions(mean, projection, whitening, centres, background, weight)
        return cls(directions, Thresholds(**rest))


def roots(vectors: FloatArray) -> FloatArray:
    """Return sign(v) · sqrt|v| of float32[n, d]."""
    return np.sign(vectors) * np.sqrt(np.abs(vectors))


def distances(directions: Directions, vectors: FloatArray) -> FloatArray:
    """Return float32[n] for vectors float32[n, d]: the larger, the less like the classes; NaN for overflow."""
    d = directions
    with np.errstate(over="ignore", invalid="ignore"):
        x = roots(vectors) - d.mean  # [n, d]
        z = x @ d.projection  # [n, r]
        w = z @ d.whitening  # [n, r]
        squares = w * w
        cross = w @ d.centres.T  # [n, classes]
        # |w - c|² = |w|² + |c|² - 2 w·c, without an array of [n, classes, r]
        near = squares.sum(axis=1) + ((d.centres**2).sum(axis=1) - 2 * cross).min(axis=1)
        residual = np.maximum((x * x).sum(axis=1) - (z * z).sum(axis=1), 0) * np.float32(d.residual_weight)
        return np.asarray(near - squares @ d.background + residual, np.float32)


def unknown_scores(rule: UnknownRule, vectors: FloatArray) -> FloatArray:
    """Return the scores float32[n], 0 to 1, of vectors float32[n, d]; 1 where the distance is not a number."""
    return scores_of(rule.thresholds, distances(rule.directions, vectors))


def scores_of(thresholds: Thresholds, found: FloatArray) -> FloatArray:
    """Return the scores float32[n] of distances float32[n]."""
    with np.errstate(over="ignore"):
        scores = 1 / (1 + np.exp(-(np.float32(thresholds.slope) * found + np.float32(thresholds.offset))))
    return np.where(np.isnan(found), np.float32(1), scores).astype(np.float32)
