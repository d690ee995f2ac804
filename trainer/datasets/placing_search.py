"""Finds the near duplicates among pictures that are new in a dataset, and between them and those that are placed.

Two pictures are near duplicates if their thumbnails correlate and their vectors do not contradict, or if their vectors
are very similar; where a thumbnail is missing, if they are similar. That is what the doctor calls copies, with lower
thresholds: to keep two relatives together costs little, a copy on the other side falsifies the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray

SAME_THUMBNAIL: Final = 0.98
"""Correlation of thumbnails from which vectors need only not contradict, that is, have a similarity of 0 or more."""

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
        thumbnails: float32[n, t] of `read_thumbnails`; zeros where there is none.
        newcomers: how many of them are new, m.
    """

    projected: FloatArray
    thumbnails: FloatArray
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
        report: told how many newcomers of how many are compared; what it raises ends the search.
    """
    newcomers, rows = compared.newcomers, len(compared.projected)
    groups = Groups(newcomers)
    nearest = np.full(newcomers, -1, np.int32)
    similarities = np.full(newcomers, -np.inf, np.float32)
    known = np.logical_or.reduce(compared.thumbnails != 0, axis=1)
    for top in range(0, newcomers, BLOCK):
        end = min(top + BLOCK, newcomers)
        for start in range(top, rows, BLOCK):
            left, right, score = _pairs(compared, known, slice(top, end), slice(start, start + BLOCK))
            left, right = left + top, right + start
            new = right < newcomers
            later = new & (right > left)
            groups.join(left[later], right[later])
            order = np.flatnonzero(~new)[np.argsort(score[~new], kind="stable")]  # of one newcomer's, the nearest last
            best: dict[int, int] = dict(zip(left[order].tolist(), order.tolist(), strict=True))
            for row, pair in best.items():
                if score[pair] > similarities[row]:
                    nearest[row], similarities[row] = right[pair], score[pair]
        report(end, newcomers)
    return Near(groups.first_rows(), nearest, similarities)


def _pairs(
    compared: Compared, known: NDArray[np.bool_], rows: slice, columns: slice
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Return the near pairs of a block: places in `rows`, places in `columns`, and how near each pair is.

    A pair that both measures find comes twice. `known` says which pictures have a thumbnail.
    """
    similar = compared.projected[rows] @ compared.projected[columns].T
    left, right = np.nonzero(similar >= NEAR_VECTOR)
    score = similar[left, right]
    enough = (score >= SAME_VECTOR) | ~(known[rows][left] & known[columns][right])
    left, right, score = left[enough], right[enough], score[enough]
    if known[rows].any() and known[columns].any():
        correlated = compared.thumbnails[rows] @ compared.thumbnails[columns].T
        seen, other = np.nonzero(correlated >= SAME_THUMBNAIL)
        agreed = similar[seen, other] >= 0
        seen, other = seen[agreed], other[agreed]
        left, right = np.concatenate([left, seen]), np.concatenate([right, other])
        score = np.concatenate([score, correlated[seen, other]])
    return left, right, score
