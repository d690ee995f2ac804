"""Near duplicates among made-up vectors: which pairs, how many and which groups."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.diagnosis import near_duplicates, pair_search
from trainer.diagnosis.near_duplicates import near_pairs, similar_pairs


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


def test_sketches_find_what_comparing_in_full_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows are compared by sketches first; only what is right at the threshold may be missed."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((600, 400)).astype(np.float32)
    rows[300:] = rows[:300] + rng.standard_normal((300, 400)).astype(np.float32) * np.linspace(0.2, 1.6, 300)[:, None]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    exact = similar_pairs(rows, 0.7, 1000, lambda *_: None)
    monkeypatch.setattr(pair_search, "EXACT_ROWS", 100)
    sketched = similar_pairs(rows, 0.7, 1000, lambda *_: None)
    assert 100 < exact.total < 300
    assert sketched.rows.tolist() == exact.rows.tolist()
    assert sketched.similarities == pytest.approx(exact.similarities)
    assert sketched.first_rows.tolist() == exact.first_rows.tolist()


def test_only_newcomers_are_compared() -> None:
    """With each other and with the rest, but the rest is not compared with itself."""
    rows = np.eye(6, dtype=np.float32)[[0, 1, 0, 1, 2, 2]]
    found = similar_pairs(rows, 0.5, 10, lambda *_: None, newcomers=3)
    assert sorted(map(tuple, found.rows.tolist())) == [(0, 2), (1, 3)]
