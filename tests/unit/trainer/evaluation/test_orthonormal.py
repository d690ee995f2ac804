"""Orthonormal columns: they are, they span the same, and nothing odd comes of columns that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.evaluation.orthonormal import orthonormal


@pytest.mark.parametrize("least", [1.0, 1e-3, 1e-6])
def test_columns_are_orthonormal_and_span_the_same(least: float) -> None:
    """Whatever the lengths of the columns and of what tells them apart."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    given = (rng.normal(size=(200, 30)) * np.geomspace(1, least, 30) @ turned).astype(np.float32)
    found = orthonormal(given)
    assert np.abs(found.T @ found - np.eye(30)).max() < 1e-5
    assert np.abs(given - found @ (found.T @ given)).max() < 1e-5 * np.abs(given).max()


def test_columns_that_depend_on_each_other() -> None:
    """The span is kept, and every value is a number."""
    rng = np.random.default_rng(0)
    given = (rng.normal(size=(100, 3)) @ rng.normal(size=(3, 20))).astype(np.float32)
    found = orthonormal(given)
    assert np.isfinite(found).all()
    assert np.abs(given - found @ (found.T @ given)).max() < 1e-5 * np.abs(given).max()
    assert (orthonormal(np.zeros((9, 4), np.float32)) == 0).all()
