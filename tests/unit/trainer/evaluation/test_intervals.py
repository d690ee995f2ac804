"""Intervals of shares."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from trainer.evaluation.intervals import wilson_interval


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
