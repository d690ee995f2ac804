"""Mean, scale and class means of the training rows."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.fitting.statistics import class_means, standardisation


def test_only_the_rows_count() -> None:
    """Standardised by their own statistics the rows have mean 0 and deviation 1; other rows do not matter."""
    vectors = np.random.default_rng(0).normal(5, 3, (10_000, 4)).astype("f4")
    rows = np.arange(0, 10_000, 2, dtype=np.int32)
    vectors[1::2] = 1e6
    mean, scale = standardisation(vectors, rows)
    z = (vectors[rows] - mean) / scale
    assert z.mean(0) == pytest.approx(np.zeros(4), abs=1e-4)
    assert z.std(0) == pytest.approx(np.ones(4), abs=1e-4)


def test_a_constant_dimension_is_left_alone() -> None:
    """A dimension that never changes is not divided by almost nothing."""
    mean, scale = standardisation(np.full((5, 1), 3, "f4"), np.arange(5, dtype=np.int32))
    assert (mean.tolist(), scale.tolist()) == ([3], [1])


def test_class_means_of_the_rows() -> None:
    """Each class has the mean of its rows; a class without rows has zeros."""
    vectors = np.array([[1], [3], [10], [99]], "f4")
    labels = np.array([0, 0, 1, 1], np.int32)
    assert class_means(vectors, labels, np.array([0, 1, 2], np.int32), 3).tolist() == [[2], [10], [0]]
