"""Near duplicates: pairs of pictures whose vectors are so similar that one may be a copy of the other.

Pairs are compared a block of rows with a block of rows at a time, so that memory does not grow with their number; many
by sketches first (`trainer.diagnosis.pair_search`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups
from trainer.diagnosis.pair_search import PairSearch
from trainer.diagnosis.similarity_space import MIN_ROWS, fit_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray

NEAR: Final = 0.5
"""Similarity from which a pair is near where only vectors are known."""

MAX_PAIRS: Final = 100_000
_BLOCK: Final = 2048


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """The pairs that are similar enough.

    Attributes:
        rows: int32[k, 2], the smaller row first; the most similar pairs first.
        similarities: float32[k], -1 to 1.
        total: how many there are, those left out above the limit included.
        first_rows: int32[n], for each row the smallest row that a chain of pairs, listed or not, connects it with.
    """

    rows: RowArray
    similarities: FloatArray
    total: int
    first_rows: RowArray


def near_pairs(
    vectors: FloatArray,
    threshold: float = NEAR,
    limit: int = MAX_PAIRS,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> NearPairs:
    """Return the pairs of rows whose similarity is at least `threshold`, the `limit` most similar of them.

    Args:
        vectors: float32[n, d], as they are cached. With fewer than three there are no pairs.
        threshold: above 0, to 1.
        limit: pairs to keep.
        report: told how many of how many rows are compared; what it raises ends the search.
    """
    return similar_pairs(in_space(vectors), threshold, limit, report)


def in_space(vectors: FloatArray) -> FloatArray:
    """Return float32[n, d]: the vectors in a space of their own; zeros if they are too few for one."""
    return fit_space(vectors).project(vectors) if len(vectors) >= MIN_ROWS else np.zeros_like(vectors)


def similar_pairs(
    placed: FloatArray,
    threshold: float,
    limit: int,
    report: Callable[[int, int], None],
    newcomers: int | None = None,
) -> NearPairs:
    """Return the pairs of rows whose dot product is at least `threshold`, above 0; see `near_pairs`.

    `placed` is float32[n, d], each row of length 1, or 0 for one that is similar to none. With `newcomers`, only pairs
    with one of the first so many rows are looked for, and `report` is told of these.
    """
    count = len(placed)
    asked = count if newcomers is None else newcomers
    groups, best, search = Groups(count), _Best(limit), PairSearch(placed, threshold)
    for top in range(0, asked, _BLOCK):
        end = min(top + _BLOCK, asked)
        for start in range(top, count, _BLOCK):
            left, right, found = search.pairs(slice(top, end), slice(start, start + _BLOCK))
            if start == top:
                once = left < right
                left, right, found = left[once], right[once], found[once]
            if len(left):
                groups.join(left + top, right + start)
                best.add(left + top, right + start, found)
        report(end, asked)
    kept, similarities = best.sorted()
    return NearPairs(kept, similarities, best.total, groups.first_rows())


class _Best:
    """The most similar pairs so far; twice the limit at most is held between two additions."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._limit = limit
        self._floor = -np.inf  # what a pair must have to be among the best
        self._rows: RowArray = np.empty((0, 2), np.int32)
        self._similarities: FloatArray = np.empty(0, np.float32)

    def add(self, left: NDArray[np.intp], right: NDArray[np.intp], similarities: FloatArray) -> None:
        self.total += len(left)
        high = similarities >= self._floor
        self._rows = np.concatenate([self._rows, np.stack([left[high], right[high]], axis=1).astype(np.int32)])
        self._similarities = np.concatenate([self._similarities, similarities[high]])
        if len(self._rows) > 2 * self._limit:
            self._rows, self._similarities = self.sorted()
            self._floor = float(self._similarities[-1])

    def sorted(self) -> tuple[RowArray, FloatArray]:
        order = np.lexsort((self._rows[:, 1], self._rows[:, 0], -self._similarities))[: self._limit]
        return self._rows[order], self._similarities[order]
