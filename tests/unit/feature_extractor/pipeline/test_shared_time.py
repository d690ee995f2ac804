"""What batches cost a trunk that they share."""

from __future__ import annotations

from feature_extractor.pipeline.shared_time import SharedTime


def test_a_batch_alone_costs_the_time_it_takes() -> None:
    """What passes between two batches is nobody's."""
    shared = SharedTime()
    assert shared.end(shared.begin(3.0), 5.0) == 2.0
    assert shared.end(shared.begin(9.0), 10.0) == 1.0


def test_two_batches_share_the_time_that_both_run() -> None:
    """One from 0 to 4, the other from 2 to 6: each has half of the two seconds between 2 and 4."""
    shared = SharedTime()
    first = shared.begin(0.0)
    second = shared.begin(2.0)
    assert shared.running == 2
    assert shared.end(first, 4.0) == 3.0
    assert shared.end(second, 6.0) == 3.0
    assert shared.running == 0


def test_a_time_that_comes_late_counts_as_the_latest() -> None:
    """Two threads read the clock and come here the other way round: no time is counted twice, none backwards."""
    shared = SharedTime()
    first = shared.begin(1.0)
    second = shared.begin(0.5)
    assert shared.end(second, 3.0) == 1.0
    assert shared.end(first, 3.0) == 1.0
