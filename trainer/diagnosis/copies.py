"""Copies: near duplicates by thumbnails and vectors together.

Two pictures are copies if their thumbnails correlate and have the same edges; or if their vectors are so similar that
what differs, such as a narrower frame, hardly matters. Where a thumbnail is missing the vectors decide. Vectors need
not agree where thumbnails do: those of a tiny picture and of its half are as far apart as those of strangers. The
thresholds are measured in `docs/doctor.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.groups import Groups
from trainer.diagnosis.near_duplicates import MAX_PAIRS, NEAR, in_space, similar_pairs
from trainer.diagnosis.sameness import same_edges
from trainer.diagnosis.thumbnails import correlatable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.diagnosis.thumbnails import ByteArray
    from trainer.fitting.batches import FloatArray, RowArray

ALIKE: Final = 0.98
"""Correlation of thumbnails from which their edges are compared."""

SAME_EDGES: Final = 0.977
"""Correlation of edges from which two pictures are copies."""

SAME_VECTOR: Final = 0.8
"""Similarity of the vectors from which it does not matter that the thumbnails differ."""


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
    vectors: FloatArray, thumbnails: ByteArray, report: Callable[[int, int], None] = lambda _done, _total: None
) -> Copies:
    """Return the pairs of copies; 200,000 pairs at most are looked at, the most similar ones.

    Args:
        vectors: float32[n, d].
        thumbnails: uint8[n, 1024] of `read_thumbnails`.
        report: told how many of how many rows are compared, of both kinds together; what it raises ends the search.
    """
    count = len(vectors)
    seen, correlations = seen_copies(thumbnails, SAME_EDGES, lambda done, _: report(done, 2 * count))
    unknown = np.flatnonzero(~correlatable(thumbnails).any(axis=1))
    least = NEAR if len(unknown) else SAME_VECTOR  # fewer pairs come near a high threshold
    alike = similar_pairs(in_space(vectors), least, MAX_PAIRS, lambda done, _: report(count + done, 2 * count))
    needed = np.where(np.isin(alike.rows, unknown).any(axis=1), NEAR, SAME_VECTOR)
    # What the thumbnails found already is not found again.
    new = (alike.similarities >= needed) & ~np.isin(_keys(alike.rows, count), _keys(seen, count))
    rows = np.concatenate([seen, alike.rows[new]])
    scores = np.concatenate([correlations, alike.similarities[new]])
    by_vectors = np.repeat([False, True], [len(seen), int(new.sum())])
    groups = Groups(count)
    groups.join(rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp))
    order = np.argsort(-scores, kind="stable")
    return Copies(rows[order], np.minimum(scores[order], 1), by_vectors[order], groups.first_rows())


def seen_copies(
    thumbnails: ByteArray, edges: float, report: Callable[[int, int], None], newcomers: int | None = None
) -> tuple[RowArray, FloatArray]:
    """Return the pairs int32[k, 2] whose thumbnails show one picture, and how these correlate, float32[k].

    100,000 pairs at most are looked at, those that correlate most.

    Args:
        thumbnails: uint8[n, 1024] of `read_thumbnails`.
        edges: correlation of edges that is enough.
        report: told how many of how many rows are compared; what it raises ends the search.
        newcomers: only pairs with one of the first so many rows are looked for; None means all.
    """
    alike = similar_pairs(correlatable(thumbnails), ALIKE, MAX_PAIRS, report, newcomers)
    same = same_edges(thumbnails, alike.rows) >= edges
    return alike.rows[same], alike.similarities[same]


def _keys(rows: RowArray, count: int) -> NDArray[np.int64]:
    return rows[:, 0].astype(np.int64) * count + rows[:, 1]
