"""Those who wait in line: whose turn it is, who is hastened, who leaves, and who may not be overtaken."""

from __future__ import annotations

from dataclasses import replace

from places import BULK_CALL, CALL, STREAM, bounds, enter_all

from feature_extractor.pipeline.admission import Admission, Place
from feature_extractor.pipeline.lanes import Lane


def test_the_patient_are_let_in_first_come_first_served() -> None:
    """Pictures in line start in their order, one for each place that is freed."""
    admission = Admission(bounds(1))
    started = enter_all(admission, [STREAM] * 3)
    assert started == [0]
    assert admission.waiting == 2
    admission.leave(STREAM)
    admission.leave(STREAM)
    assert started == [0, 1, 2]


def test_a_small_picture_does_not_overtake_a_large_one_in_line() -> None:
    """Nobody starves in the line for being large."""
    admission = Admission(bounds(2))
    started = enter_all(admission, [STREAM, replace(STREAM, pictures=2), STREAM])
    assert started == [0]
    admission.leave(STREAM)
    assert started == [0, 1]


def test_hastened_pictures_are_next_but_keep_within_the_bounds() -> None:
    """They go before the bulk lane, in their order, as many as fit at a time, and count as interactive from then on."""
    admission = Admission(bounds(lane_pictures=2, patient_pictures=1))
    places: list[Place] = []
    for number in range(6):
        admission.enter_in_line(STREAM, places.append, number)
    admission.hasten(lambda token: token in {3, 4, 5})
    hurried = replace(STREAM, lane=Lane.INTERACTIVE, patient=False)
    assert places == [STREAM, hurried, hurried]
    assert admission.waiting == 3
    assert not admission.try_enter(CALL)
    admission.leave(hurried)
    assert places == [STREAM, hurried, hurried, hurried]
    for place in [*places]:
        if place is not places[1]:
            admission.leave(place)
    admission.leave(STREAM)
    assert places[4:] == [STREAM, STREAM]
    admission.leave(STREAM)
    assert (admission.taken, admission.taken_bytes, admission.waiting) == (0, 0, 0)


def test_who_is_hastened_later_stays_behind_who_was_before() -> None:
    """A second interactive caller does not overtake the first."""
    admission = Admission(bounds(lane_pictures=1))
    admission.try_enter(CALL)
    started = enter_all(admission, [STREAM] * 4)
    admission.hasten("token 3".__eq__)
    admission.hasten("token 2".__eq__)
    for _ in range(2):
        admission.leave(CALL)
    assert started == [0, 3, 2]


def test_who_leaves_the_line_is_never_started_and_holds_nobody_up() -> None:
    """A picture too large for the moment leaves, and the one behind it, which fits, starts at once."""
    admission = Admission(bounds(3))
    started: list[str] = []
    tickets = [
        admission.enter_in_line(replace(STREAM, pictures=count), lambda _, name=name: started.append(name), name)  # type: ignore[misc]  # binds the loop's value
        for name, count in (("first", 2), ("large", 3), ("small", 1))
    ]
    assert started == ["first"]
    assert [admission.in_line(ticket) for ticket in tickets] == [None, "large", "small"]
    assert [admission.withdraw(ticket) for ticket in tickets] == [False, True, False]
    assert started == ["first", "small"]
    assert (admission.taken, admission.waiting) == (3, 0)


def test_a_large_picture_in_line_is_not_starved_by_small_calls() -> None:
    """Calls that take a place again each time one is given back are refused until it is in."""
    admission = Admission(bounds(8, lane_pictures=6))
    assert [admission.try_enter(BULK_CALL) for _ in range(7)] == [True] * 6 + [False]
    started = enter_all(admission, [replace(STREAM, pictures=5)])
    for _ in range(4):
        admission.leave(BULK_CALL)
        assert not admission.try_enter(BULK_CALL)
    admission.leave(BULK_CALL)
    assert started == [0]


def test_calls_get_in_beside_a_line_that_waits_for_its_own_share_only() -> None:
    """What waits because so many of its kind are under way is not starved by others, so that these are let in."""
    admission = Admission(bounds(patient_pictures=1))
    assert enter_all(admission, [STREAM] * 2) == [0]
    assert admission.try_enter(BULK_CALL)


def test_interactive_calls_get_in_beside_a_bulk_line() -> None:
    """A line of the bulk lane holds up no interactive call, and a hastened one is not overtaken by either lane."""
    admission = Admission(bounds(lane_pictures=2))
    assert admission.try_enter(BULK_CALL)
    assert enter_all(admission, [replace(STREAM, pictures=2)]) == []
    assert [admission.try_enter(place) for place in (BULK_CALL, CALL)] == [False, True]
    admission.hasten("token 0".__eq__)
    assert [admission.try_enter(place) for place in (BULK_CALL, CALL)] == [False, False]


def test_a_closed_admission_lets_nobody_in_from_the_line() -> None:
    """After close a freed place starts nothing."""
    admission = Admission(bounds(1))
    started = enter_all(admission, [STREAM] * 2)
    admission.close()
    admission.leave(STREAM)
    assert started == [0]
    assert admission.waiting == 0
    assert admission.enter_in_line(STREAM, lambda _: started.append(9), "late") == 0
    assert started == [0]
