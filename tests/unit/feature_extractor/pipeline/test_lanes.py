"""Two lanes into one place: who is next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_extractor.pipeline.lanes import BULK_SHARE, Lane, LaneQueue


def filled(interactive: int, bulk: int) -> LaneQueue[int]:
    """A queue with 0, 1, 2 … in the interactive lane and 1000, 1001 … in the other."""
    queue: LaneQueue[int] = LaneQueue()
    for number in range(bulk):
        queue.append(1000 + number, Lane.BULK)
    for number in range(interactive):
        queue.append(number, Lane.INTERACTIVE)
    return queue


def test_interactive_items_are_first_whenever_they_came() -> None:
    """What came later by the interactive lane is taken before what waits in the bulk lane."""
    queue = filled(interactive=3, bulk=3)
    assert [queue.take_one() for _ in range(6)] == [0, 1, 2, 1000, 1001, 1002]


def test_bulk_gets_one_of_eight_while_interactive_items_keep_coming() -> None:
    """With both lanes waiting, the ninth item taken is the first of the bulk lane, and so on."""
    queue = filled(interactive=100, bulk=100)
    taken = [queue.take_one() for _ in range(36)]
    assert [place for place, item in enumerate(taken) if item >= 1000] == [8, 16, 24, 32]


def test_nothing_is_owed_for_what_was_taken_while_bulk_was_empty() -> None:
    """However many interactive items went by, a bulk item that comes now starts with no claim."""
    queue = filled(interactive=100, bulk=0)
    for _ in range(50):
        queue.take_one()
    queue.append(1000, Lane.BULK)
    assert queue.bulk_due == 0
    assert queue.take_one() == 50


def test_what_is_owed_is_forgotten_when_bulk_is_empty() -> None:
    """A share that nobody claimed in time is not given to who comes later."""
    queue = filled(interactive=100, bulk=1)
    queue.take(20, 0)
    assert queue.bulk_due == 1
    queue.hasten(lambda _: True)
    queue.take(1, 0)
    for number in range(3):
        queue.append(2000 + number, Lane.BULK)
    assert queue.bulk_due == 0


def test_what_is_owed_is_forgotten_when_the_last_of_bulk_is_hastened() -> None:
    """A bulk item that comes right after has no claim either."""
    queue = filled(interactive=100, bulk=1)
    queue.take(20, 0)
    queue.hasten(lambda _: True)
    queue.append(2000, Lane.BULK)
    assert queue.bulk_due == 0


def test_nothing_is_owed_for_what_was_taken_while_bulk_had_its_own() -> None:
    """take_interactive gives the interactive items in order, leaves the bulk lane alone and promises it nothing."""
    queue = filled(interactive=20, bulk=2)
    assert [queue.take_interactive() for _ in range(16)] == list(range(16))
    assert (queue.waiting(Lane.BULK), queue.bulk_due) == (2, 0)


def test_an_empty_queue_has_nothing_to_give() -> None:
    """take_one raises, take gives nothing."""
    queue: LaneQueue[int] = LaneQueue()
    assert queue.take(3, 3) == []
    with pytest.raises(IndexError, match="both lanes"):
        queue.take_one()


def test_hastened_items_move_behind_the_interactive_ones_in_their_order() -> None:
    """Only those that match leave the bulk lane, for the end of the other."""
    queue = filled(interactive=2, bulk=4)
    queue.hasten(lambda item: item in {1001, 1003, 1})
    assert (queue.waiting(Lane.INTERACTIVE), queue.waiting(Lane.BULK)) == (4, 2)
    assert [queue.take_one() for _ in range(6)] == [0, 1, 1001, 1003, 1000, 1002]


def test_clear_gives_everything_and_leaves_nothing() -> None:
    """Both lanes come back and the queue is as new."""
    queue = filled(interactive=2, bulk=1)
    assert queue.clear() == [0, 1, 1000]
    assert len(queue) == 0


@given(
    takes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60),
    by_one=st.booleans(),
)
def test_bulk_never_starves(takes: list[tuple[int, int]], *, by_one: bool) -> None:
    """Whoever takes what is due gives bulk its share of what is taken while both lanes wait, but for a part of one."""
    queue = filled(interactive=5000, bulk=5000)
    taken: list[int] = []
    for interactive, extra in takes:
        before = len(taken)
        taken += [queue.take_one()] if by_one else queue.take(interactive, queue.bulk_due + extra)
        assert len(taken) <= before + max(1, interactive + extra) + 5000 * BULK_SHARE
        assert sum(item >= 1000 for item in taken) + queue.bulk_due >= int(BULK_SHARE * len(taken))


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.sampled_from(Lane)),
            st.tuples(st.just("take"), st.tuples(st.integers(0, 5), st.integers(0, 5))),
            st.tuples(st.just("one"), st.none()),
            st.tuples(st.just("hasten"), st.integers(0, 3)),
        ),
        max_size=80,
    )
)
def test_nothing_is_lost_and_each_lane_keeps_its_order(steps: list[tuple[str, object]]) -> None:
    """Over any sequence of steps each item comes out once, and those never hastened come out in their lane's order."""
    queue: LaneQueue[int] = LaneQueue()
    lanes: dict[int, Lane] = {}
    hastened: set[int] = set()
    out: list[int] = []
    for name, detail in steps:
        if name == "append":
            lanes[len(lanes)] = detail  # type: ignore[assignment]  # as drawn above
            queue.append(len(lanes) - 1, detail)  # type: ignore[arg-type]  # as drawn above
        elif name == "take":
            interactive, bulk = detail  # type: ignore[misc]  # as drawn above
            out += queue.take(interactive, bulk)
        elif name == "one" and len(queue):
            out.append(queue.take_one())
        elif name == "hasten":
            queue.hasten(lambda item, rest=detail: item % 4 == rest)  # type: ignore[misc]  # binds the loop's value
            hastened |= {item for item in lanes if item % 4 == detail and item not in out}
    out += queue.clear()
    assert sorted(out) == list(lanes)
    for lane in Lane:
        order = [item for item in out if lanes[item] is lane and item not in hastened]
        assert order == sorted(order)
