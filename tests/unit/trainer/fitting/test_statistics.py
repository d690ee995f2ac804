"""Mean, scale and class means of the training rows."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.fitting.statistics import class_means, standardisation


def test_only_the_rows_count() -> None:
    """Standardised by their own statistics the rows have mean 0 and mean square 1; other rows do not matter."""
    vectors = np.random.default_rng(0).normal(5, [3, 3, 3, 30], (10_000, 4)).astype("f4")
    rows = np.arange(0, 10_000, 2, dtype=np.int32)
    vectors[1::2] = 1e6
    mean, scale = standardisation(vectors, rows, 0.3)
    z = (vectors[rows] - mean) / scale
    assert z.mean(0) == pytest.approx(np.zeros(4), abs=1e-4)
    assert (z**2).mean() == pytest.approx(1, abs=1e-4)


def test_small_variances_are_floored() -> None:
    """Dimensions are divided by √(v + floor · mean v), up to a common factor: what never changes is not blown up."""
    vectors = np.random.default_rng(0).normal(0, [1, 2, 0.01, 0], (20_000, 4)).astype("f4")
    variance = vectors.astype("f8").var(0)
    for floor in (0.3, 1000.0):
        _, scale = standardisation(vectors, np.arange(20_000, dtype=np.int32), floor)
        wanted = np.sqrt(variance + floor * variance.mean())
        assert scale / scale[0] == pytest.approx(wanted / wanted[0], rel=1e-4)


def test_without_a_floor_each_has_its_own_deviation() -> None:
    """Plain standardisation; a dimension that never changed is divided by what the others have on the mean."""
    vectors = np.random.default_rng(0).normal(0, [1, 2, 0.01, 0], (20_000, 4)).astype("f4")
    _, scale = standardisation(vectors, np.arange(20_000, dtype=np.int32), 0.0)
    variance = vectors.astype("f8").var(0)
    wanted = np.sqrt([*variance[:3], variance.mean()])
    assert scale / scale[0] == pytest.approx(wanted / wanted[0], rel=1e-4)


def test_vectors_that_are_all_the_same_are_left_alone() -> None:
    """They are not divided by almost nothing."""
    mean, scale = standardisation(np.full((5, 1), 3, "f4"), np.arange(5, dtype=np.int32), 0.0)
    assert (mean.tolist(), scale.tolist()) == ([3], [1])


def test_class_means_of_the_rows() -> None:
    """Each class has the mean of its rows; a class without rows has zeros."""
    vectors = np.array([[1], [3], [10], [99]], "f4")
    labels = np.array([0, 0, 1, 1], np.int32)
    assert class_means(vectors, labels, np.array([0, 1, 2], np.int32), 3).tolist() == [[2], [10], [0]]
