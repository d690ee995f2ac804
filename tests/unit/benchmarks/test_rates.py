"""The arithmetic of measurements."""

from __future__ import annotations

import pytest
from bench.rates import TooFewAnswersError, closed_loop_rate, percentile, slope


def test_the_rate_of_one_caller_is_its_intervals_a_second() -> None:
    """Five answers, half a second apart, are two a second: what came before the first does not count."""
    assert closed_loop_rate([[10.0, 10.5, 11.0, 11.5, 12.0]]) == pytest.approx(2.0)


def test_answers_that_come_in_batches_give_the_true_rate() -> None:
    """Sixteen callers served together every half second make 32 a second, wherever the measurement begins and ends."""
    callers = [[batch * 0.5 + caller * 1e-4 for batch in range(1, 6)] for caller in range(16)]
    assert closed_loop_rate(callers) == pytest.approx(32.0)


def test_an_answer_of_many_items_counts_as_many() -> None:
    """A message of 64 pictures every two seconds is 32 pictures a second."""
    assert closed_loop_rate([[1.0, 3.0, 5.0]], items=64) == pytest.approx(32.0)


def test_a_single_answer_gives_no_rate() -> None:
    """A caller that was answered once has no interval, so no rate is told for anybody."""
    with pytest.raises(TooFewAnswersError, match="1 answers"):
        closed_loop_rate([[1.0, 2.0], [1.5]])


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (0, 1.0)])
def test_a_percentile_is_a_measured_value(percent: float, expected: float) -> None:
    """Of 1 to 100 in any order the p-th percentile is p itself, and the lowest is the least."""
    assert percentile([float(each) for each in range(100, 0, -1)], percent) == expected


def test_the_99th_of_few_values_is_the_largest() -> None:
    """With fewer than a hundred values the worst one is not thrown away."""
    assert percentile([1.0] * 50 + [9.0], 99) == 9.0


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    """Points on 3 x + 1 have slope 3, and points at one place have none."""
    assert slope([0.0, 1.0, 4.0], [1.0, 4.0, 13.0]) == pytest.approx(3.0)
    assert slope([2.0, 2.0], [1.0, 5.0]) == 0.0
