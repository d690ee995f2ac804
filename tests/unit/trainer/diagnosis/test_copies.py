"""Copies by thumbnails and vectors together."""

from __future__ import annotations

import numpy as np
from made_up import clusters, greys

from trainer.diagnosis.copies import find_copies
from trainer.diagnosis.thumbnails import correlatable


def _pairs(found: object) -> list[tuple[int, ...]]:
    return sorted(map(tuple, found.rows.tolist()))  # type: ignore[attr-defined]


def test_equal_thumbnails_make_copies_and_relatives_are_none() -> None:
    """Row 60 is row 3 resized: its vector is only somewhat like it, its thumbnail is the same."""
    vectors, _ = clusters(2, 30)
    rng = np.random.default_rng(1)
    vectors = np.concatenate([vectors, vectors[3:4] + rng.random((1, 48), np.float32)])
    thumbnails = np.concatenate([greys(60), greys(60)[3:4]])
    found = find_copies(vectors, thumbnails)
    assert _pairs(found) == [(3, 60)]
    assert not found.by_vectors.any()
    assert 0.99 <= found.scores[0] <= 1
    assert found.first_rows[60] == 3


def test_equal_thumbnails_with_opposite_vectors_are_no_copies() -> None:
    """A thumbnail may be alike by chance, as two pages of text are; the vectors contradict."""
    vectors, _ = clusters(2, 30)
    vectors[40] = np.maximum(2 * vectors.mean(axis=0) - vectors[3], 0)
    thumbnails = greys(60)
    thumbnails[40] = thumbnails[3]
    assert _pairs(find_copies(vectors, thumbnails)) == []


def test_equal_vectors_are_copies_whatever_the_thumbnails_say() -> None:
    """A narrower frame changes the thumbnail; the pair is told once, and that the vectors decided."""
    vectors, _ = clusters(2, 30)
    vectors[50] = vectors[4]
    found = find_copies(vectors, greys(60))
    assert _pairs(found) == [(4, 50)]
    assert found.by_vectors.tolist() == [True]


def test_without_thumbnails_less_alike_vectors_do() -> None:
    """Where a preview is missing nothing else tells copies."""
    vectors, _ = clusters(2, 30)
    rng = np.random.default_rng(1)
    vectors[50] = np.maximum(vectors[4] + 0.6 * rng.standard_normal(48), 0)
    thumbnails = greys(60)
    assert _pairs(find_copies(vectors, thumbnails)) == []
    thumbnails[50] = 0
    assert _pairs(find_copies(vectors, thumbnails)) == [(4, 50)]


def test_a_pair_that_both_tell_is_told_once() -> None:
    """By its thumbnails."""
    vectors, _ = clusters(2, 30)
    thumbnails = greys(60)
    vectors[50], thumbnails[50] = vectors[4], thumbnails[4]
    found = find_copies(vectors, thumbnails)
    assert _pairs(found) == [(4, 50)]
    assert found.by_vectors.tolist() == [False]


def test_two_pictures_are_compared_by_their_thumbnails() -> None:
    """Though two vectors have no space of their own; nothing at all has no copies."""
    vectors, _ = clusters(1, 2)
    assert _pairs(find_copies(vectors, np.repeat(greys(1), 2, axis=0))) == [(0, 1)]
    assert _pairs(find_copies(vectors[:0], greys(1)[:0])) == []


def test_pictures_of_one_colour_are_like_none() -> None:
    """Their thumbnail says nothing."""
    assert not correlatable(np.full((16, 16), 200, np.float32)).any()
