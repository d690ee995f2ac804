"""What may be under way at once: who is let in, who waits, who is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import BULK_CALL, CALL, STREAM, bounds, enter_all

from feature_extractor.pipeline.admission import Admission, Bounds, Place
from feature_extractor.pipeline.lanes import Lane


def test_the_impatient_are_refused_when_all_places_are_taken() -> None:
    """try_enter says no at the bound and yes after a leave."""
    admission = Admission(bounds(2))
    assert [admission.try_enter(CALL) for _ in range(3)] == [True, True, False]
    admission.leave(CALL)
    assert admission.try_enter(CALL)
    assert (admission.taken, admission.taken_bytes) == (2, 20)


def test_bytes_are_bounded_as_pictures_are() -> None:
    """Few but large pictures are refused too, and smaller ones let in beside them."""
    admission = Admission(bounds(size_bytes=100))
    large = replace(CALL, size_bytes=60)
    assert admission.try_enter(large)
    assert not admission.try_enter(large)
    assert admission.try_enter(replace(CALL, size_bytes=40))
    assert admission.taken_bytes == 100


def test_the_patient_never_take_the_last_places() -> None:
    """However many wait in line, the places beyond their share stay open for those who would be refused."""
    admission = Admission(bounds(3, patient_pictures=2))
    started = enter_all(admission, [STREAM] * 5)
    assert started == [0, 1]
    assert [admission.try_enter(CALL) for _ in range(2)] == [True, False]
    admission.leave(CALL)
    assert started == [0, 1]
    admission.leave(STREAM)
    assert started == [0, 1, 2]


def test_bulk_calls_leave_places_to_interactive_ones() -> None:
    """At the bulk lane's bound, in pictures or in bytes, its calls are refused and the others are not."""
    by_count, by_bytes = Admission(bounds(4, lane_pictures=3)), Admission(bounds(size_bytes=40, lane_bytes=30))
    for admission in (by_count, by_bytes):
        assert [admission.try_enter(BULK_CALL) for _ in range(4)] == [True, True, True, False]
        assert [admission.try_enter(CALL) for _ in range(2)] == [True, False]


def test_a_quarter_is_left_to_the_interactive_lane() -> None:
    """Bounds.of keeps bulk to three quarters, the patient to what is theirs of that, and everybody above nothing."""
    assert Bounds.of(512, 1000, 96) == Bounds(512, 1000, lane_pictures=384, lane_bytes=750, patient_pictures=96)
    assert Bounds.of(8, 1000, 96).patient_pictures == 6
    assert Bounds.of(1, 1, 96) == Bounds(1, 1, lane_pictures=1, lane_bytes=1, patient_pictures=1)


@pytest.mark.parametrize("place", [CALL, BULK_CALL, STREAM])
def test_what_exceeds_every_bound_is_let_in_alone(place: Place) -> None:
    """With nothing of its lane under way it is begun, and what comes next in the lane waits for its end."""
    admission = Admission(bounds(4, size_bytes=100, lane_pictures=3, lane_bytes=75, patient_pictures=2))
    huge = replace(place, pictures=50, size_bytes=5000)
    assert enter_all(admission, [huge]) == [0]
    same_lane = replace(CALL, lane=place.lane)
    assert not admission.try_enter(same_lane)
    admission.leave(huge)
    assert admission.try_enter(same_lane)
    assert not admission.try_enter(huge)


def test_a_place_of_the_impatient_goes_to_the_line_too() -> None:
    """A freed place lets the next in line in, whoever held it."""
    admission = Admission(bounds(1))
    assert admission.try_enter(BULK_CALL)
    started = enter_all(admission, [STREAM])
    assert started == []
    admission.leave(BULK_CALL)
    assert started == [0]
    assert admission.taken == 1


def test_a_place_may_be_given_back_in_pieces() -> None:
    """Three pictures entered as one leave one by one."""
    admission = Admission(bounds(3))
    assert admission.try_enter(replace(CALL, pictures=3, size_bytes=30))
    for left in (2, 1, 0):
        admission.leave(CALL)
        assert (admission.taken, admission.taken_bytes) == (left, 10 * left)


def test_what_is_ahead_of_an_interactive_picture_is_not_bulk() -> None:
    """A new picture waits for those of its own lane, in the bulk lane for all."""
    admission = Admission(bounds())
    admission.try_enter(replace(CALL, pictures=3))
    admission.try_enter(replace(BULK_CALL, pictures=5))
    assert (admission.ahead(Lane.INTERACTIVE), admission.ahead(Lane.BULK)) == (3, 8)


PLACES = st.builds(
    Place, st.sampled_from(Lane), st.booleans(), pictures=st.integers(1, 6), size_bytes=st.integers(0, 60)
)


@given(places=st.lists(PLACES, max_size=40), order=st.randoms(use_true_random=False))
def test_the_bounds_hold_and_everybody_in_line_gets_in(places: list[Place], order: st.DataObject) -> None:
    """Over any order of coming and going no lane exceeds a bound but for one alone, and nothing is left in the end."""
    limits = bounds(8, size_bytes=100, lane_pictures=6, lane_bytes=75, patient_pictures=4)
    admission = Admission(limits)
    inside: list[Place] = []
    for place in places:
        if place.patient:
            admission.enter_in_line(place, inside.append, None)
        elif admission.try_enter(place):
            inside.append(place)
        _check(inside, limits)
        while inside and order.random() < 0.3:  # type: ignore[attr-defined]  # a random.Random
            admission.leave(inside.pop(order.randrange(len(inside))))  # type: ignore[attr-defined]  # as above
            _check(inside, limits)
    while inside:
        admission.leave(inside.pop())
        _check(inside, limits)
    assert (admission.taken, admission.taken_bytes, admission.waiting) == (0, 0, 0)


def _check(inside: list[Place], limits: Bounds) -> None:
    """Each kind keeps within its bounds but for one that found its lane empty and has it to itself."""
    lanes = [[place for place in inside if place.lane is lane] for lane in Lane]
    for kind, pictures, size_bytes in (
        (lanes[0], limits.lane_pictures, limits.lane_bytes),
        (lanes[1], limits.lane_pictures, limits.lane_bytes),
        ([place for place in inside if place.patient], limits.patient_pictures, limits.lane_bytes),
        (inside, limits.pictures, limits.size_bytes),
    ):
        excepted = len(kind) <= 1 or (kind is inside and any(len(lane) == 1 for lane in lanes))
        assert excepted or sum(place.pictures for place in kind) <= pictures
        assert excepted or sum(place.size_bytes for place in kind) <= size_bytes


@pytest.mark.parametrize("lane", list(Lane))
def test_neither_lane_shuts_the_other_out(lane: Lane) -> None:
    """However much one lane brings, the last quarter of pictures and of bytes is there for the other."""
    admission = Admission(Bounds.of(8, 800, 8))
    other = next(each for each in Lane if each is not lane)
    taken = [admission.try_enter(Place(lane, patient=False, pictures=1, size_bytes=100)) for _ in range(8)]
    assert taken == [True] * 6 + [False] * 2
    assert admission.try_enter(Place(other, patient=False, pictures=2, size_bytes=200))


@pytest.mark.parametrize("lane", list(Lane))
def test_a_lane_with_nothing_under_way_is_open_whatever_the_other_has(lane: Lane) -> None:
    """A call as large as a lane may be is let in beside a full other lane, once, and not for ever refused."""
    admission = Admission(Bounds.of(8, 800, 8))
    other = next(each for each in Lane if each is not lane)
    while admission.try_enter(Place(other, patient=False, pictures=1, size_bytes=100)):
        pass
    large = Place(lane, patient=False, pictures=6, size_bytes=600)
    assert [admission.try_enter(large) for _ in range(2)] == [True, False]
