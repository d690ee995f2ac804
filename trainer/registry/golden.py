"""The golden set of a head: a few vectors with the outputs that whoever loads the head must get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

FloatArray = npt.NDArray[np.float32]

TOLERANCE = 1e-3
"""How far a probability or an unknown score, both 0 to 1, may lie from what is expected. Another processor or another
BLAS sums in another order, which changes them by some 1e-6; a wrong formula or array changes them by far more."""

_PREFIX = "golden."


@dataclass(frozen=True, slots=True, eq=False)
class GoldenSet:
    """Vectors and what the head that wrote them makes of them.

    Attributes:
        vectors: float32[g, d].
        probabilities: float32[g, classes].
        unknown_scores: float32[g]; None for a head without an unknown rule.
    """

    vectors: FloatArray
    probabilities: FloatArray
    unknown_scores: FloatArray | None

    def tensors(self) -> dict[str, FloatArray]:
        """Return its arrays by the names they have in head.safetensors."""
        scores = {} if self.unknown_scores is None else {_PREFIX + "unknown_scores": self.unknown_scores}
        return {_PREFIX + "vectors": self.vectors, _PREFIX + "probabilities": self.probabilities, **scores}

    @classmethod
    def read(cls, arrays: Mapping[str, FloatArray]) -> GoldenSet | None:
        """Return the set that `tensors` wrote, None if there is none."""
        if _PREFIX + "vectors" not in arrays:
            return None
        scores = arrays.get(_PREFIX + "unknown_scores")
        return cls(arrays[_PREFIX + "vectors"], arrays[_PREFIX + "probabilities"], scores)

    def difference(self, probabilities: FloatArray, unknown_scores: FloatArray | None) -> float:
        """Return the largest difference between these outputs for `vectors` and the expected ones, infinite for NaN."""
        found = [np.abs(probabilities - self.probabilities).max()]
        if self.unknown_scores is not None and unknown_scores is not None:
            found.append(np.abs(unknown_scores - self.unknown_scores).max())
        return float(max(found)) if np.isfinite(found).all() else np.inf
