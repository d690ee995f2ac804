"""Finding what is near newcomers: beside a search of every pair at once, and by which of the two measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.datasets import placing_search
from trainer.datasets.placing_search import Compared, find_near
from trainer.diagnosis import near_duplicates
from trainer.diagnosis.thumbnails import SIDE_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.diagnosis.thumbnails import ByteArray
    from trainer.fitting.batches import FloatArray


def _unit(rows: int, columns: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _thumbnails(pictures: Sequence[int]) -> ByteArray:
    """Return the thumbnail of each made-up picture by its number; zeros for a missing one, numbered below 0."""
    drawn = np.random.default_rng(0).integers(0, 256, (max(pictures) + 1, SIDE_PX**2)).astype(np.uint8)
    return np.stack([drawn[each] if each >= 0 else np.zeros(SIDE_PX**2, np.uint8) for each in pictures])


@pytest.mark.parametrize("block", [3, 7, 100])
@pytest.mark.parametrize("newcomers", [0, 1, 10, 40])
def test_blocks_find_what_one_look_finds(block: int, newcomers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups and nearest placed rows do not depend on how the rows are cut into blocks."""
    monkeypatch.setattr(placing_search, "BLOCK", block)
    monkeypatch.setattr(near_duplicates, "_BLOCK", block)
    projected = _unit(40, 4, seed=newcomers)
    shown = np.random.default_rng(newcomers).integers(-3, 60, 40)
    near = find_near(Compared(projected, _thumbnails(shown.tolist()), newcomers))
    similar, known = projected @ projected.T, shown >= 0
    needed = np.where(known[:, None] & known[None, :], 0.7, 0.5)
    by_thumbnail = (shown[:, None] == shown[None, :]) & known
    score = np.maximum(np.where(by_thumbnail, 1, -np.inf), np.where(similar >= needed, similar, -np.inf))
    group = list(range(newcomers))
    for _ in range(newcomers):  # the smallest row that a chain leads to
        group = [
            min([group[row], *(group[other] for other in range(newcomers) if score[row, other] > -np.inf)])
            for row in range(newcomers)
        ]
    assert near.first_rows.tolist() == group
    for row in range(newcomers):
        placed = score[row, newcomers:]
        if placed.size and placed.max() > -np.inf:
            assert score[row, near.nearest[row]] == placed.max()
            assert near.similarities[row] == pytest.approx(placed.max(), abs=1e-5)
        else:
            assert (near.nearest[row], near.similarities[row]) == (-1, -np.inf)


@pytest.mark.parametrize(
    ("similarity", "shown", "together"),
    [
        (0.69, (0, 1), False),
        (0.71, (0, 1), True),
        (0.0, (0, 0), True),
        (-0.5, (0, 0), True),
        (0.51, (0, -1), True),
        (0.49, (0, -1), False),
        (0.0, (-1, -1), False),
    ],
)
def test_thumbnails_and_vectors_tell_a_copy(similarity: float, shown: tuple[int, int], together: bool) -> None:  # noqa: FBT001 - a table's column
    """Equal thumbnails want nothing else, other ones very similar vectors, missing ones similar vectors."""
    vectors = np.array([[1, 0], [similarity, np.sqrt(1 - similarity**2)]], np.float32)
    near = find_near(Compared(vectors, _thumbnails(shown), 2))
    assert (near.first_rows.tolist() == [0, 0]) is together


def test_what_a_report_raises_ends_the_search() -> None:
    """A cancelled job does not wait for the last block."""

    def stop(done: int, total: int) -> None:
        if done == total:
            raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="10 of 10"):
        find_near(Compared(_unit(8, 4, seed=1), np.zeros((8, SIDE_PX**2), np.uint8), 5), stop)
