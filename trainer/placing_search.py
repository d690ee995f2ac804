"""Finds the near duplicates among pictures that are new in a dataset, and between them and those that are placed.

Two pictures are near duplicates if their thumbnails correlate and their vectors do not contradict, or if their vectors
are very similar; where a thumbnail is missing, if they are similar. That is what the doctor calls copies, with lower
thresholds: to keep two relatives together costs next to nothing, a copy on the other side falsifies the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.batches import FloatArray, RowArray

SAME_THUMBNAIL: Final = 0.98
"""Correlation of thumbnails from which vectors need only not contradict, that is, have a similarity of 0 or more."""

SAME_VECTOR: Final = 0.7
"""Similarity of vectors from which thumbnails do not matter."""

NEAR_VECTOR: Final = 0.4
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
        similarities: float32[m], how near that is, by thumbnails where they correlate, else by vectors; -inf if there
            is none.
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
    for top in range(0, newcomers, BLOCK):
        end = min(top + BLOCK, newcomers)
        for start in range(top, rows, BLOCK):
            score = _scores(compared, slice(top, end), slice(start, start + BLOCK))
            placed_from = max(0, newcomers - start)  # columns from here on are placed pictures
            left, right = np.nonzero(score[:, :placed_from] > -np.inf)
            later = right + start > left + top
            groups.join(left[later] + top, right[later] + start)
            placed = score[:, placed_from:]
            if placed.shape[1]:
                best = placed.argmax(axis=1)
                found = placed[np.arange(end - top), best]
                better = np.flatnonzero(found > similarities[top:end])
                nearest[top + better] = best[better] + start + placed_from
                similarities[top + better] = found[better]
        report(end, newcomers)
    return Near(groups.first_rows(), nearest, similarities)


def _scores(compared: Compared, rows: slice, columns: slice) -> FloatArray:
    """Return float32[rows, columns]: how near each pair is, -inf for one that is not."""
    similar: FloatArray = compared.projected[rows] @ compared.projected[columns].T
    correlated = compared.thumbnails[rows] @ compared.thumbnails[columns].T
    by_thumbnail = (correlated >= SAME_THUMBNAIL) & (similar >= 0)
    by_vector = similar >= SAME_VECTOR
    maybe = (similar >= NEAR_VECTOR) & ~by_vector
    if maybe.any():
        by_vector |= maybe & ~(_known(compared, rows)[:, None] & _known(compared, columns)[None, :])
    similar[by_thumbnail] = correlated[by_thumbnail]
    similar[~(by_thumbnail | by_vector)] = -np.inf
    return similar


def _known(compared: Compared, rows: slice) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = compared.thumbnails[rows].any(axis=1)
    return known
