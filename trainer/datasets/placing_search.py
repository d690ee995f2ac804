"""Finds the near duplicates among pictures that are new in a dataset, and between them and those that are placed.

Two pictures are near duplicates if their thumbnails show one picture, or if their vectors are very similar; where a
thumbnail is missing, if they are similar. That is what the doctor calls copies, with lower thresholds: to keep two
relatives together costs little, a copy on the other side falsifies the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.copies import seen_copies
from trainer.diagnosis.groups import Groups
from trainer.diagnosis.pair_search import PairSearch
from trainer.diagnosis.thumbnails import correlatable

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.diagnosis.pair_search import Places
    from trainer.diagnosis.thumbnails import ByteArray
    from trainer.fitting.batches import FloatArray, RowArray

SAME_EDGES: Final = 0.95
"""Correlation of the edges of thumbnails from which vectors do not matter."""

SAME_VECTOR: Final = 0.7
"""Similarity of vectors from which thumbnails do not matter."""

NEAR_VECTOR: Final = 0.5
"""Similarity of vectors that is enough where a thumbnail is missing."""

BLOCK: Final = 2048
"""Rows that are compared with as many others at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What is compared, the newcomers first.

    Attributes:
        projected: float32[n, k] of length 1, or of zeros: their dot products are similarities.
        thumbnails: uint8[n, 1024] of `read_thumbnails`; zeros where there is none.
        newcomers: how many of them are new, m.
    """

    projected: FloatArray
    thumbnails: ByteArray
    newcomers: int


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What is near the newcomers.

    Attributes:
        first_rows: int32[m], for each newcomer the smallest newcomer that a chain of near duplicates connects it with.
        nearest: int32[m], the row of its nearest placed near duplicate; -1 if there is none.
        similarities: float32[m], how near that is, by thumbnails or by vectors, whichever is nearer; -inf if there is
            none.
    """

    first_rows: RowArray
    nearest: RowArray
    similarities: FloatArray


def find_near(compared: Compared, report: Callable[[int, int], None] = lambda _done, _total: None) -> Near:
    """Return what is near the newcomers.

    Args:
        compared: the pictures.
        report: told how many of how many comparisons are done, two for each newcomer; what it raises ends the search.
    """
    newcomers, rows = compared.newcomers, len(compared.projected)
    near = _Gathered(newcomers)
    pairs, correlations = seen_copies(
        compared.thumbnails, SAME_EDGES, lambda done, _: report(done, 2 * newcomers), newcomers
    )
    near.add(pairs[:, 0].astype(np.intp), pairs[:, 1].astype(np.intp), correlations)
    known = np.logical_or.reduce(correlatable(compared.thumbnails) != 0, axis=1)
    search = PairSearch(compared.projected, SAME_VECTOR if known.all() else NEAR_VECTOR)
    for top in range(0, newcomers, BLOCK):
        end = min(top + BLOCK, newcomers)
        for start in range(top, rows, BLOCK):
            left, right, similarities = search.pairs(slice(top, end), slice(start, start + BLOCK))
            left, right = left + top, right + start
            enough = (similarities >= SAME_VECTOR) | ~(known[left] & known[right])
            near.add(left[enough], right[enough], similarities[enough])
        report(newcomers + end, 2 * newcomers)
    return Near(near.groups.first_rows(), near.nearest, near.similarities)


class _Gathered:
    """What is near the first so many rows, as the pairs come in."""

    def __init__(self, newcomers: int) -> None:
        self.groups = Groups(newcomers)
        self.nearest = np.full(newcomers, -1, np.int32)
        self.similarities = np.full(newcomers, -np.inf, np.float32)

    def add(self, left: Places, right: Places, score: FloatArray) -> None:
        """Note pairs of a newcomer and a row, and how near they are."""
        new = right < len(self.nearest)
        later = new & (right > left)
        self.groups.join(left[later], right[later])
        order = np.flatnonzero(~new)[np.argsort(score[~new], kind="stable")]  # of one newcomer's, the nearest last
        best: dict[int, int] = dict(zip(left[order].tolist(), order.tolist(), strict=True))
        for row, pair in best.items():
            if score[pair] > self.similarities[row]:
                self.nearest[row], self.similarities[row] = right[pair], score[pair]
