"""Finding what is near newcomers: beside a search of every pair at once."""

from __future__ import annotations

import numpy as np
import pytest

from trainer import placing_search
from trainer.placing_search import find_near


def _unit(rows: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [3, 7, 100])
@pytest.mark.parametrize("newcomers", [0, 1, 10, 40])
def test_blocks_find_what_one_look_finds(block: int, newcomers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups and nearest placed rows do not depend on how the rows are cut into blocks."""
    monkeypatch.setattr(placing_search, "BLOCK", block)
    projected = _unit(40, seed=newcomers)
    near = find_near(projected, newcomers, 0.9)
    similar = projected @ projected.T
    group = list(range(newcomers))
    for _ in range(newcomers):  # the smallest row that a chain leads to
        group = [
            min(group[other] for other in range(newcomers) if similar[row, other] >= 0.9) for row in range(newcomers)
        ]
    assert near.first_rows.tolist() == group
    for row in range(newcomers):
        placed = similar[row, newcomers:]
        if placed.size and placed.max() >= 0.9:
            assert near.nearest[row] == newcomers + placed.argmax()
            assert near.similarities[row] == pytest.approx(placed.max())
        else:
            assert (near.nearest[row], near.similarities[row]) == (-1, -np.inf)


def test_what_a_report_raises_ends_the_search() -> None:
    """A cancelled job does not wait for the last block."""

    def stop(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="5 of 5"):
        find_near(_unit(8, seed=1), 5, 0.9, stop)
