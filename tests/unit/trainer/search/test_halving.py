"""The rounds of the candidates that cost much."""

from __future__ import annotations

import pytest

from trainer.search.halving import rungs


@pytest.mark.parametrize(
    ("candidates", "folds", "wanted"),
    [
        (8, 5, [(8, 1), (4, 2), (2, 3), (1, 5)]),
        (8, 3, [(8, 1), (4, 2), (2, 3)]),
        (8, 2, [(8, 1), (4, 2)]),
        (8, 1, [(8, 1)]),
        (3, 20, [(3, 1), (1, 20)]),
        (1, 5, [(1, 5)]),
        (0, 5, []),
    ],
)
def test_fewer_candidates_see_more_folds(candidates: int, folds: int, wanted: list[tuple[int, int]]) -> None:
    """Half as many from rung to rung; whoever is left alone sees all folds."""
    assert rungs(candidates, folds) == wanted
