"""Folds and samples: every picture once, every class its share, views with their picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.fitting.fit import TrainingData
from trainer.search.examples import search_examples
from trainer.search.folds import fold_numbers, sample


@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.integers(2, 7), st.integers(0, 99))
def test_a_class_is_spread_evenly(labels: list[int], folds: int, seed: int) -> None:
    """In each class, and in all, the folds' numbers of examples differ by one at most."""
    array = np.array(labels, np.int32)
    numbers = fold_numbers(array, folds, seed)
    for members in [numbers, *(numbers[array == each] for each in set(labels))]:
        counts = np.bincount(members, minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert (numbers == fold_numbers(array, folds, seed)).all()


def test_a_sample_keeps_every_class() -> None:
    """A rare class is in the sample with one example at least; the others by their share."""
    labels = np.array([0] * 9000 + [1] * 990 + [2] * 2, np.int32)
    counts = np.bincount(labels[sample(labels, 1000, 0)])
    assert counts[2] == 1
    assert abs(counts[0] - 900) <= 2


def test_views_go_with_their_picture() -> None:
    """A view is fitted to only where its picture is, and never held out; other parts' rows are not touched."""
    pictures, views = 30, 2
    training = np.arange(20, dtype=np.int32)
    origins = np.concatenate([np.arange(pictures), *[training] * views]).astype(np.int32)
    rows = np.concatenate([training, np.arange(pictures, len(origins))]).astype(np.int32)
    vectors = np.stack([origins, np.arange(len(origins))], axis=1).astype(np.float32)  # tells who it is
    labels = (origins % 2).astype(np.int32)
    data = TrainingData(vectors, labels, rows, np.arange(20, 25, dtype=np.int32), 2, origins)
    examples = search_examples(data, 5, "none", 0)
    seen = []
    for fold in range(5):
        held = examples.vectors[examples.held_out(fold)]
        fitted = examples.vectors[examples.fitted(fold)]
        assert (held[:, 0] == held[:, 1]).all()
        assert not set(held[:, 0]) & set(fitted[:, 0])
        assert set(held[:, 0]) | set(fitted[:, 0]) == set(range(25))
        seen += held[:, 0].tolist()
    assert sorted(seen) == list(range(25))
