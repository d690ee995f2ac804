"""Copies by thumbnails and vectors together."""

from __future__ import annotations

import numpy as np
from made_up import clusters, greys

from trainer.diagnosis.copies import ALIKE, SAME_EDGES, find_copies
from trainer.diagnosis.sameness import same_edges
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


def test_equal_thumbnails_make_copies_though_vectors_contradict() -> None:
    """As those of a tiny picture and of its half do: what the trunk sees is the blur."""
    vectors, _ = clusters(2, 30)
    vectors[40] = np.maximum(2 * vectors.mean(axis=0) - vectors[3], 0)
    thumbnails = greys(60)
    thumbnails[40] = thumbnails[3]
    assert _pairs(find_copies(vectors, thumbnails)) == [(3, 40)]


def test_thumbnails_that_are_alike_but_for_their_edges_are_no_copies() -> None:
    """Two portraits in one light: shades agree, and what is drawn on them does not."""
    shade = np.tile(np.linspace(40, 210, 32), (32, 1))
    drawn = np.random.default_rng(3).normal(scale=12, size=(2, 32, 32))
    alike = np.stack([(shade + each).ravel() for each in drawn]).astype(np.uint8)
    one, other = correlatable(alike)
    assert one @ other > ALIKE
    vectors, _ = clusters(2, 30)
    thumbnails = greys(60)
    thumbnails[[3, 40]] = alike
    assert _pairs(find_copies(vectors, thumbnails)) == []


def test_a_blurred_copy_has_the_same_edges() -> None:
    """As a picture of few pixels has that is made large again."""
    sharp = np.random.default_rng(0).random((8, 8)).repeat(4, axis=0).repeat(4, axis=1) * 255
    blurred = sharp
    for _ in range(3):
        blurred = (np.roll(blurred, 1, 0) + 2 * blurred + np.roll(blurred, -1, 0)) / 4
        blurred = (np.roll(blurred, 1, 1) + 2 * blurred + np.roll(blurred, -1, 1)) / 4
    pictures = np.stack([sharp.ravel(), blurred.ravel(), sharp.T.ravel()]).astype(np.uint8)
    same, other = same_edges(pictures, np.array([[0, 1], [0, 2]], np.int32))
    assert same > SAME_EDGES
    assert other < 0.5


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
    assert not correlatable(np.full((1, 1024), 200, np.uint8)).any()
