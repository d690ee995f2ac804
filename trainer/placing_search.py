"""Finds the near duplicates among pictures that are new in a dataset, and between them and those that are placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.batches import FloatArray, RowArray

BLOCK: Final = 2048
"""Rows that are compared with as many others at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What is near the newcomers.

    Attributes:
        first_rows: int32[m], for each newcomer the smallest newcomer that a chain of near duplicates connects it with.
        nearest: int32[m], the row of its nearest placed near duplicate; -1 if there is none.
        similarities: float32[m], how similar that is, -1 to 1; -inf if there is none.
    """

    first_rows: RowArray
    nearest: RowArray
    similarities: FloatArray


def find_near(
    projected: FloatArray, newcomers: int, threshold: float, report: Callable[[int, int], None] = lambda _d, _t: None
) -> Near:
    """Return what is near the first rows.

    Args:
        projected: float32[n, k] of length 1, whose dot products are the similarities; the newcomers first.
        newcomers: how many they are, m.
        threshold: similarity from which two pictures are near duplicates.
        report: told how many newcomers of how many are compared; what it raises ends the search.
    """
    groups = Groups(newcomers)
    nearest = np.full(newcomers, -1, np.int32)
    similarities = np.full(newcomers, -np.inf, np.float32)
    for top in range(0, newcomers, BLOCK):
        end = min(top + BLOCK, newcomers)
        for start in range(top, len(projected), BLOCK):
            found = projected[top:end] @ projected[start : start + BLOCK].T  # float32[block, block]
            placed_from = max(0, newcomers - start)  # columns from here on are placed pictures
            left, right = np.nonzero(found[:, :placed_from] >= threshold)
            later = right + start > left + top
            if later.any():
                groups.join(left[later] + top, right[later] + start)
            placed = found[:, placed_from:]
            if placed.shape[1]:
                best = placed.argmax(axis=1)
                near = placed[np.arange(end - top), best]
                better = np.flatnonzero((near >= threshold) & (near > similarities[top:end]))
                nearest[top + better] = best[better] + start + placed_from
                similarities[top + better] = near[better]
        report(end, newcomers)
    return Near(groups.first_rows(), nearest, similarities)
