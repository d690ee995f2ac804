"""The kinds of arrays that evaluation works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.floating[Any]]
"""Logits, probabilities, scores, distances."""

Vectors = npt.NDArray[np.float32]
"""Feature vectors, one a row."""

Labels = npt.NDArray[np.integer[Any]]
"""Indices into the labels, 0 to classes - 1."""

_PIECE_ROWS = 2048


def in_pieces(of: Callable[[Vectors], Floats], vectors: Vectors) -> Floats:
    """Return `of` of the vectors [n, d], some rows at a time, so that many take no memory to speak of beside them."""
    starts = range(0, max(len(vectors), 1), _PIECE_ROWS)
    return np.concatenate([of(vectors[start : start + _PIECE_ROWS]) for start in starts])
