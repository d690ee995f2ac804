"""Near duplicates among made-up vectors: which pairs, how many and which groups."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.diagnosis import near_duplicates
from trainer.diagnosis.near_duplicates import near_pairs


def _vectors(count: int, seed: int = 0) -> np.ndarray:
    """Non-negative vectors that share a strong direction, as pooled ReLU maps do."""
    rng = np.random.default_rng(seed)
    shared = rng.random(32) * 5
    return (shared + rng.random((count, 32))).astype(np.float32)


def _copy(vectors: np.ndarray, seed: int = 9) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(vectors.shape) * 0.02
    return (vectors + noise).astype(np.float32)


def test_copies_are_found_and_strangers_are_not() -> None:
    """A slightly different vector is paired with its original, and with nothing else."""
    originals = _vectors(200)
    found = near_pairs(np.concatenate([originals, _copy(originals[:10])]), 0.8)
    assert sorted(map(tuple, found.rows.tolist())) == [(row, 200 + row) for row in range(10)]
    assert found.total == 10
    assert (found.similarities > 0.9).all()


@pytest.mark.parametrize("block", [1, 7, 64, 4096])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs and groups are the same however the rows are cut into blocks."""
    vectors = np.concatenate([_vectors(60), _copy(_vectors(60)[:20]), _copy(_vectors(60)[:20], 5)])
    whole = near_pairs(vectors, 0.5)
    monkeypatch.setattr(near_duplicates, "_BLOCK", block)
    cut = near_pairs(vectors, 0.5)
    assert cut.rows.tolist() == whole.rows.tolist()
    assert cut.first_rows.tolist() == whole.first_rows.tolist()
    assert cut.total == whole.total >= 60


def test_groups_are_chains_of_pairs() -> None:
    """Three copies of one picture are one group, named by its first row; everybody else is alone."""
    originals = _vectors(50)
    vectors = np.concatenate([originals, _copy(originals[:1]), _copy(originals[:1], 4)])
    assert near_pairs(vectors, 0.8).first_rows.tolist() == [*range(50), 0, 0]


def test_only_the_most_similar_pairs_are_kept_but_all_are_counted_and_grouped() -> None:
    """The limit bounds the list, not the count nor the groups."""
    originals = _vectors(40)
    vectors = np.concatenate([originals, originals[:5], _copy(originals[5:10])])
    found = near_pairs(vectors, 0.8, limit=5)
    assert found.total == 10
    assert sorted(map(tuple, found.rows.tolist())) == [(row, 40 + row) for row in range(5)]
    assert found.first_rows[40:].tolist() == list(range(10))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_pictures_have_no_pairs(count: int) -> None:
    """With fewer than three pictures nothing says what they share."""
    assert near_pairs(np.ones((count, 4), np.float32)).total == 0


def test_pictures_that_are_all_alike_end() -> None:
    """Equal vectors have no direction apart from their mean: no similarity, no division by zero."""
    found = near_pairs(np.ones((30, 8), np.float32))
    assert found.total == 0
    assert np.isfinite(found.similarities).all()


def test_the_search_can_be_ended() -> None:
    """What the report raises ends it."""

    def stop(_done: int, _total: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        near_pairs(_vectors(10), report=stop)
