"""Copies: near duplicates by thumbnails and vectors together.

Two pictures are copies if their thumbnails correlate, and their vectors do not contradict; or if their vectors are so
similar that what differs, such as a narrower frame, hardly matters. Where a thumbnail is missing the vectors decide.
The thresholds are measured in `docs/doctor.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups
from trainer.diagnosis.near_duplicates import MAX_PAIRS, NEAR, in_space, similar_pairs
from trainer.diagnosis.similarity_space import MIN_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray

SAME_THUMBNAIL: Final = 0.99
NOT_CONTRADICTED: Final = 0.1
"""Similarity of the vectors below which equal thumbnails are chance: pages of text all look alike at that size."""

SAME_VECTOR: Final = 0.8
"""Similarity of the vectors from which it does not matter that the thumbnails differ."""


_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """The pairs of copies.

    Attributes:
        rows: int32[k, 2], the smaller row first; the most similar first.
        scores: float32[k], the correlation of the thumbnails, or the similarity of the vectors where these decided.
        by_vectors: bool[k], which it is.
        first_rows: int32[n], for each picture the first of those that copies connect it with.
    """

    rows: RowArray
    scores: FloatArray
    by_vectors: NDArray[np.bool_]
    first_rows: RowArray


def find_copies(
    vectors: FloatArray, thumbnails: FloatArray, report: Callable[[int, int], None] = lambda _done, _total: None
) -> Copies:
    """Return the pairs of copies; 200,000 pairs at most are looked at, the most similar ones.

    Args:
        vectors: float32[n, d].
        thumbnails: float32[n, t] of `read_thumbnails`.
        report: told how many of how many rows are compared, of both kinds together; what it raises ends the search.
    """
    count = len(vectors)
    placed = in_space(vectors)
    seen = similar_pairs(thumbnails, SAME_THUMBNAIL, MAX_PAIRS, lambda done, _: report(done, 2 * count))
    alike = similar_pairs(placed, NEAR, MAX_PAIRS, lambda done, _: report(count + done, 2 * count))
    sure = (_dots(placed, seen.rows) >= NOT_CONTRADICTED) | (count < MIN_ROWS)
    unknown = np.flatnonzero(~thumbnails.any(axis=1))
    needed = np.where(np.isin(alike.rows, unknown).any(axis=1), NEAR, SAME_VECTOR)
    # What the thumbnails found already is not found again.
    new = (alike.similarities >= needed) & ~np.isin(_keys(alike.rows, count), _keys(seen.rows[sure], count))
    rows = np.concatenate([seen.rows[sure], alike.rows[new]])
    scores = np.concatenate([seen.similarities[sure], alike.similarities[new]])
    by_vectors = np.repeat([False, True], [int(sure.sum()), int(new.sum())])
    groups = Groups(count)
    groups.join(rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp))
    order = np.argsort(-scores, kind="stable")
    return Copies(rows[order], np.minimum(scores[order], 1), by_vectors[order], groups.first_rows())


def _dots(placed: FloatArray, rows: RowArray) -> FloatArray:
    dots = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        left, right = rows[start : start + _BLOCK].T
        dots[start : start + _BLOCK] = np.einsum("kd,kd->k", placed[left], placed[right])
    return dots


def _keys(rows: RowArray, count: int) -> NDArray[np.int64]:
    return rows[:, 0].astype(np.int64) * count + rows[:, 1]
