"""Folds that two sides share."""

from __future__ import annotations

import numpy as np
from bench.shared_folds import cut, digest

_LABELS = np.repeat(np.arange(4), [30, 20, 12, 5]).astype(np.int32)


def test_each_repeat_tests_every_row_once() -> None:
    """Five folds hold out each example once, every class spread; the next repeat cuts otherwise."""
    folds = cut(_LABELS, 2, 5)
    assert len(folds) == 10
    for repeat in (folds[:5], folds[5:]):
        assert np.sort(np.concatenate([fold.test for fold in repeat])).tolist() == list(range(len(_LABELS)))
        for fold in repeat:
            assert not set(fold.training) & set(fold.test)
            assert np.bincount(_LABELS[fold.test], minlength=4).tolist() == [6, 4, *np.bincount(_LABELS[fold.test])[2:]]
    assert [fold.test.tolist() for fold in folds[:5]] != [fold.test.tolist() for fold in folds[5:]]


def test_few_a_class_are_drawn_anew() -> None:
    """With a number a class, each repeat has as many of each class, the small ones whole."""
    folds = cut(_LABELS, 2, 5, 10)
    rows = [np.concatenate([fold.test for fold in folds[at : at + 5]]) for at in (0, 5)]
    assert all(np.bincount(_LABELS[each]).tolist() == [10, 10, 10, 5] for each in rows)
    assert set(rows[0]) != set(rows[1])


def test_the_digest_tells_other_folds_apart() -> None:
    """What the sides must agree on changes with the vectors, the labels and the rows."""
    vectors = np.zeros((len(_LABELS), 2), np.float32)
    folds = cut(_LABELS, 1, 5)
    seen = digest(vectors, _LABELS, folds)
    assert digest(vectors, _LABELS, folds[::-1]) != seen
    assert digest(vectors + 1, _LABELS, folds) != seen
    assert digest(vectors, _LABELS + 1, folds) != seen
