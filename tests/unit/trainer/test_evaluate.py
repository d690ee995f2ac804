"""Evaluation: intervals and confusion counts."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from trainer.evaluate import confusion_matrix, evaluate, wilson_interval


def test_wilson_interval_matches_known_values() -> None:
    """The interval agrees with values worked out by hand from Wilson's formula."""
    assert wilson_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson_interval(10, 10) == pytest.approx((0.7224672, 1.0), abs=1e-6)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@hypothesis.given(st.integers(1, 10_000), st.data())
def test_interval_holds_the_accuracy(examples: int, data: st.DataObject) -> None:
    """The share lies within its interval, which lies within 0 and 1."""
    correct = data.draw(st.integers(0, examples))
    low, high = wilson_interval(correct, examples)
    assert 0 <= low <= correct / examples + 1e-12
    assert correct / examples - 1e-12 <= high <= 1


def test_confusion_rows_are_the_truth() -> None:
    """An example of label 0 that was called 2 is counted in row 0, column 2."""
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([2, 0, 1]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_evaluation_counts_what_is_right() -> None:
    """Accuracy is the share whose own label is the most probable."""
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32)
    result = evaluate(probabilities, np.array([0, 1, 1]))
    assert (result.examples, result.correct) == (3, 2)
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.to_dict()["confusion_matrix"] == [[1, 0], [1, 1]]
