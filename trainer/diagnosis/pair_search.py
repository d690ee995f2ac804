"""Finds the rows whose dot product is high, a block of rows with a block of rows at a time.

Few rows are compared directly. Many are first compared by sketches, which are short: a fixed random projection of each
row to `SKETCH` numbers, made length 1. The dot product of two sketches estimates that of the rows, s, with a standard
deviation of (1 - s²) / √SKETCH (the delta method; P. Li, T. Hastie and K. Church, "Very sparse random projections",
2006, lemma 3). A pair is compared in full if its estimate is less than four of these below the threshold, so of pairs
right at it some 3 in 100,000 are missed, and hardly any of the more similar ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray

    Places = NDArray[np.intp]

EXACT_ROWS: Final = 16_384
"""Up to here every pair is compared in full."""

SKETCH: Final = 192
_DEVIATIONS: Final = 4.0
_BLOCK: Final = 4096
_TINY: Final = 1e-12


class PairSearch:
    """Rows float32[n, d], each of length 1, or 0 for one that is like none; sketched if they are many.

    Sketches take 192 numbers a row beside the rows themselves.

    Args:
        rows: the rows.
        threshold: dot product from which a pair counts, above 0, to 1.
    """

    def __init__(self, rows: FloatArray, threshold: float) -> None:
        self._rows, self._threshold = rows, np.float32(threshold)
        self._sketches: FloatArray | None = None
        if len(rows) > EXACT_ROWS and rows.shape[1] > SKETCH:
            self._sketches = _sketches(rows)
        self._least = np.float32(threshold - _DEVIATIONS * (1 - threshold**2) / np.sqrt(SKETCH))

    def pairs(self, rows: slice, columns: slice) -> tuple[Places, Places, FloatArray]:
        """Return the similar pairs of a block: places in `rows`, places in `columns`, and their dot products."""
        if self._sketches is None:
            similar = self._rows[rows] @ self._rows[columns].T
            left, right = _at_least(similar, self._threshold)
            return left, right, similar[left, right]
        left, right = _at_least(self._sketches[rows] @ self._sketches[columns].T, self._least)
        similar = row_dots(self._rows[rows], self._rows[columns], left, right)
        enough = similar >= self._threshold
        return left[enough], right[enough], similar[enough]


def row_dots(one: FloatArray, other: FloatArray, left: Places, right: Places) -> FloatArray:
    """Return float32[k], the dot products of rows `left[i]` of `one` and rows `right[i]` of `other`."""
    dots = np.empty(len(left), np.float32)
    for start in range(0, len(left), _BLOCK):
        part = slice(start, start + _BLOCK)
        dots[part] = np.einsum("kd,kd->k", one[left[part]], other[right[part]])
    return dots


def _at_least(similar: FloatArray, threshold: np.float32) -> tuple[Places, Places]:
    """Return the places of the high values; these are rare, and a flat search is twice as fast as one of two axes."""
    left, right = np.divmod(np.flatnonzero(similar.ravel() >= threshold), max(1, similar.shape[1]))
    return left, right


def _sketches(rows: FloatArray) -> FloatArray:
    projection = np.random.default_rng(0).standard_normal((rows.shape[1], SKETCH), np.float32)
    sketches = np.empty((len(rows), SKETCH), np.float32)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK] @ projection
        sketches[start : start + _BLOCK] = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), _TINY)
    return sketches
