"""Finding what is near newcomers: beside a search of every pair at once, and by which of the two measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.datasets import placing_search
from trainer.datasets.placing_search import Compared, find_near

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray


def _unit(rows: int, columns: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("block", [3, 7, 100])
@pytest.mark.parametrize("newcomers", [0, 1, 10, 40])
def test_blocks_find_what_one_look_finds(block: int, newcomers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups and nearest placed rows do not depend on how the rows are cut into blocks."""
    monkeypatch.setattr(placing_search, "BLOCK", block)
    projected, thumbnails = _unit(40, 4, seed=newcomers), _unit(40, 3, seed=newcomers + 1)
    thumbnails[::5] = 0
    near = find_near(Compared(projected, thumbnails, newcomers))
    similar, correlated = projected @ projected.T, thumbnails @ thumbnails.T
    known = np.array([bool(row.any()) for row in thumbnails])
    needed = np.where(known[:, None] & known[None, :], 0.7, 0.5)
    by_thumbnail = (correlated >= 0.98) & (similar >= 0)
    score = np.maximum(np.where(by_thumbnail, correlated, -np.inf), np.where(similar >= needed, similar, -np.inf))
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
            assert near.nearest[row] == newcomers + placed.argmax()
            assert near.similarities[row] == pytest.approx(placed.max())
        else:
            assert (near.nearest[row], near.similarities[row]) == (-1, -np.inf)


@pytest.mark.parametrize(
    ("similarity", "correlation", "together"),
    [
        (0.69, 0.97, False),
        (0.71, 0.0, True),
        (0.0, 0.99, True),
        (-0.1, 0.99, False),
        (0.51, None, True),
        (0.49, None, False),
    ],
)
def test_thumbnails_and_vectors_tell_a_copy(similarity: float, correlation: float | None, together: bool) -> None:  # noqa: FBT001 - a table's column
    """Correlated thumbnails want no contradiction, other ones very similar vectors, missing ones similar vectors."""
    vectors = np.array([[1, 0], [similarity, np.sqrt(1 - similarity**2)]], np.float32)
    thumbnails = np.zeros((2, 2), np.float32)
    if correlation is not None:
        thumbnails[:] = [[1, 0], [correlation, np.sqrt(1 - correlation**2)]]
    near = find_near(Compared(vectors, thumbnails, 2))
    assert (near.first_rows.tolist() == [0, 0]) is together


def test_what_a_report_raises_ends_the_search() -> None:
    """A cancelled job does not wait for the last block."""

    def stop(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="5 of 5"):
        find_near(Compared(_unit(8, 4, seed=1), np.zeros((8, 2), np.float32), 5), stop)
