"""How large the next batch is and what it waits for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_extractor.pipeline.pace import Pace

SIZES = (1, 2, 4, 8, 16, 32)


def processor(per_picture_s: float = 0.03, *, sizes: tuple[int, ...] = SIZES, max_batch_s: float = 0.3) -> Pace:
    """A pace that has seen every size take as long as its pictures."""
    pace = Pace(sizes, max_batch_s=max_batch_s, max_wait_s=0.02)
    for size in sizes:
        pace.record(size, size * per_picture_s)
    return pace


def accelerator(batch_s: float = 0.03) -> Pace:
    """A pace that has seen every size take the same."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    for size in SIZES:
        pace.record(size, batch_s)
    return pace


def test_before_the_first_batch_everything_is_allowed() -> None:
    """Nothing is known, so the largest size that is filled is taken, and nothing is waited for."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    assert (pace.limit(), pace.seconds_per_picture) == (32, 0.0)
    assert pace.choose(40, 0, 0) == (32, 0)
    assert pace.choose(0, 40, 0) == (0, 32)
    assert pace.company() == (1, 0.0)


def test_no_batch_is_begun_that_is_known_to_take_too_long() -> None:
    """At 30 ms a picture a batch of 8 keeps within 300 ms and one of 16 does not."""
    pace = processor(0.03)
    assert pace.limit() == 8
    assert pace.choose(40, 0, 0) == (8, 0)
    assert pace.choose(0, 40, 0) == (0, 8)


def test_a_size_that_was_never_run_is_judged_by_the_others() -> None:
    """After batches of one only, a batch of 16 is expected to take 16 times as long."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    pace.record(1, 0.03)
    assert pace.limit() == 8


def test_a_single_picture_is_always_allowed() -> None:
    """Even where one alone takes longer than a batch may."""
    pace = processor(5.0)
    assert pace.limit() == 1
    assert pace.choose(3, 0, 0) == (1, 0)
    assert pace.choose(0, 3, 0) == (0, 1)


def test_a_batch_is_the_largest_size_that_is_filled() -> None:
    """The rest is the next batch."""
    pace = processor(0.001)
    assert [pace.choose(count, 0, 0)[0] for count in (1, 2, 3, 5, 7, 8, 31, 100)] == [1, 2, 2, 4, 4, 8, 16, 32]


def test_on_a_processor_bulk_pictures_do_not_ride_along() -> None:
    """Where each picture costs its time, interactive ones go alone."""
    assert processor(0.001).choose(4, 100, 0) == (4, 0)


def test_on_an_accelerator_bulk_pictures_fill_the_batch() -> None:
    """Where a batch costs the same whatever is in it, the places left are bulk's."""
    assert accelerator().choose(3, 100, 0) == (3, 29)
    assert accelerator().choose(3, 6, 0) == (3, 5)


def test_bulk_pictures_that_are_due_come_along_at_any_cost() -> None:
    """On a processor too, and within the limit of the batch."""
    assert processor(0.001).choose(4, 100, 2) == (4, 2)
    assert processor(0.03).choose(40, 100, 1) == (7, 1)


def test_what_is_due_keeps_within_the_limit() -> None:
    """Where one picture is all that a batch may hold, it is the one that is due."""
    assert processor(5.0).choose(3, 3, 1) == (0, 1)
    assert processor(5.0).choose(3, 3, 3) == (0, 1)
    assert processor(0.001, sizes=(1,)).choose(3, 3, 1) == (0, 1)


def test_the_costs_follow_what_batches_take_now() -> None:
    """One fifth of the difference is learnt with each batch."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    pace.record(2, 0.2)
    pace.record(2, 0.4)
    assert pace.seconds_per_picture == pytest.approx(0.1 + 0.2 * (0.2 - 0.1))
    assert pace.limit() == 2


def test_a_wait_is_judged_by_the_batches_that_a_crowd_is_computed_in() -> None:
    """On an accelerator lone callers, however many, do not make a queue look as long as if each went alone."""
    pace = accelerator(0.032)
    for _ in range(50):
        pace.record(1, 0.032)
    assert pace.seconds_per_picture == pytest.approx(0.001)


def test_a_wait_follows_the_machine_when_it_slows_down() -> None:
    """What sizes no longer run once cost does not count: the largest that may be run does."""
    pace = processor(0.03)
    for _ in range(50):
        pace.record(8, 8 * 0.06)
        pace.record(4, 4 * 0.06)
    assert pace.limit() == 4
    assert pace.seconds_per_picture == pytest.approx(0.06, rel=0.01)


def test_a_size_that_was_never_run_is_judged_by_the_nearest_smaller_one() -> None:
    """Lone callers on an accelerator do not keep larger batches out once a larger one was seen to cost no more."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    for _ in range(50):
        pace.record(1, 0.03)
    assert pace.limit() == 8
    pace.record(8, 0.03)
    assert pace.limit() == 32


def test_a_size_that_was_too_slow_once_comes_back() -> None:
    """After one bad moment of the machine the limit rises again, although the size itself is not run meanwhile."""
    pace = processor(0.03)
    pace.record(8, 5.0)
    assert pace.limit() == 4
    for _ in range(40):
        pace.record(4, 0.12)
    assert pace.limit() == 8


def test_a_size_that_is_too_slow_stays_out() -> None:
    """However often the smaller ones run, what takes too long by their measure is not tried."""
    pace = processor(0.05)
    assert pace.limit() == 4
    for _ in range(100):
        pace.record(4, 0.2)
        pace.record(1, 0.05)
    assert pace.limit() == 4


def test_company_is_waited_for_after_a_batch_of_several_only() -> None:
    """As many as last time, for a tenth of what that took, and no longer than max_wait_s."""
    pace = Pace(SIZES, max_batch_s=10, max_wait_s=0.02)
    pace.record(4, 0.1)
    assert pace.company() == (4, pytest.approx(0.01))
    pace.record(4, 3.0)
    assert pace.company() == (4, 0.02)
    pace.record(1, 0.1)
    assert pace.company() == (1, 0.0)


def test_no_more_company_is_waited_for_than_a_batch_may_hold() -> None:
    """A batch that turned out too slow is not waited for again."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    pace.record(8, 0.8)
    assert pace.company()[0] == 2


@given(
    costs=st.lists(st.tuples(st.sampled_from(SIZES), st.floats(0.0001, 2.0)), max_size=30),
    interactive=st.integers(0, 100),
    bulk=st.integers(0, 100),
    due=st.integers(0, 12),
)
def test_a_choice_is_one_that_can_be_run(costs: list[tuple[int, float]], interactive: int, bulk: int, due: int) -> None:
    """Whatever was learnt: no more than wait, no more than the limit, at least one if any waits, and what is due."""
    pace = Pace(SIZES, max_batch_s=0.3, max_wait_s=0.02)
    for size, seconds in costs:
        pace.record(size, seconds)
    chosen_interactive, chosen_bulk = pace.choose(interactive, bulk, due)
    assert 0 <= chosen_interactive <= interactive
    assert 0 <= chosen_bulk <= bulk
    total = chosen_interactive + chosen_bulk
    assert (total >= 1) == (interactive + bulk >= 1)
    assert total <= pace.limit()
    if interactive:
        assert chosen_bulk >= min(due, bulk, pace.limit())
