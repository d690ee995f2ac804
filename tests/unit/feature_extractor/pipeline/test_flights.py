"""Single flight: who starts, who joins, who is answered when."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.pipeline.flights import Extracted, Flights, Joined, Waiter
from feature_extractor.pipeline.lanes import Lane
from graft.errors import DeadlineExceededError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.pipeline.flights import Flight

KEYS = [bytes([number]) * 32 for number in range(4)]
VECTOR = np.ones(3, np.float32)


def waiter(deadline: float | None = None, *, durable: bool = False) -> Waiter:
    """A caller."""
    return Waiter(Future[Extracted](), deadline, durable)


def always(_: Sequence[bytes]) -> bool:
    """There is room."""
    return True


def join(flights: Flights, *waiters: tuple[bytes, Waiter], lane: Lane = Lane.INTERACTIVE) -> Joined:
    """Join where there is room."""
    joined = flights.join(waiters, lane, always)
    assert joined is not None
    return joined


def begin(flights: Flights, key: bytes, *callers: Waiter, lane: Lane = Lane.INTERACTIVE) -> Flight:
    """A new flight with these callers."""
    joined = join(flights, *((key, caller) for caller in callers), lane=lane)
    return joined.claimed[key]


def test_each_key_is_claimed_once_in_the_callers_order() -> None:
    """A call's keys that nobody computes are claimed, repeats and those under way are joined."""
    flights = Flights()
    begin(flights, KEYS[1], waiter())
    asked: list[list[bytes]] = []

    def admit(keys: Sequence[bytes]) -> bool:
        asked.append(list(keys))
        return True

    joined = flights.join([(key, waiter()) for key in (KEYS[2], KEYS[1], KEYS[0], KEYS[2])], Lane.INTERACTIVE, admit)
    assert joined is not None
    assert list(joined.claimed) == [KEYS[2], KEYS[0]]
    assert asked == [[KEYS[2], KEYS[0]]]
    assert joined.waiting == 2
    assert len(flights) == 3


def test_a_refused_call_waits_for_nothing() -> None:
    """All or nothing: not even for what another caller computes already, and nothing is claimed or hastened."""
    flights = Flights()
    first, refused = waiter(), waiter()
    flight = begin(flights, KEYS[0], first, lane=Lane.BULK)
    assert flights.join([(KEYS[0], refused), (KEYS[1], waiter())], Lane.INTERACTIVE, lambda _: False) is None
    assert len(flights) == 1
    assert flight.lane is Lane.BULK
    flights.publish(flight, VECTOR)
    assert first.future.done()
    assert not refused.future.done()


def test_room_is_not_asked_for_when_nothing_is_new() -> None:
    """Whoever only joins needs no place."""
    flights = Flights()
    begin(flights, KEYS[0], waiter())
    assert flights.join([(KEYS[0], waiter())], Lane.INTERACTIVE, lambda _: False) is not None


def test_an_interactive_caller_raises_a_bulk_flight_once() -> None:
    """The flight changes lanes and is named to be hastened; a bulk caller never lowers it."""
    flights = Flights()
    flight = begin(flights, KEYS[0], waiter(), lane=Lane.BULK)
    assert join(flights, (KEYS[0], waiter()), lane=Lane.BULK).hastened == []
    assert join(flights, (KEYS[0], waiter()), (KEYS[0], waiter())).hastened == [flight]
    assert join(flights, (KEYS[0], waiter())).hastened == []
    assert join(flights, (KEYS[0], waiter()), lane=Lane.BULK).hastened == []
    assert flight.lane is Lane.INTERACTIVE


def test_publishing_answers_those_who_do_not_wait_for_the_disk() -> None:
    """The durable ones are answered when it lands; who joins in between is answered as he asks."""
    flights = Flights()
    quick, durable, late_quick, late_durable = waiter(), waiter(durable=True), waiter(), waiter(durable=True)
    flight = begin(flights, KEYS[0], quick, durable)
    assert flights.publish(flight, VECTOR)
    join(flights, (KEYS[0], late_quick), (KEYS[0], late_durable))
    assert [each.future.done() for each in (quick, durable, late_quick, late_durable)] == [True, False, True, False]
    flights.land(flight, VECTOR)
    for each in (quick, durable, late_quick, late_durable):
        assert each.future.result(0) == Extracted(KEYS[0], VECTOR, cached=False)
    assert (flights.landed, len(flights)) == (1, 0)


def test_a_vector_that_nobody_waits_for_is_told_as_useless() -> None:
    """Publishing returns False when every caller has left or run out of time, and True when one has not."""
    now = [0.0]
    flights = Flights(lambda: now[0])
    cancelled = waiter()
    alone = begin(flights, KEYS[0], cancelled, waiter(5.0))
    shared = begin(flights, KEYS[1], waiter(5.0), waiter(50.0))
    cancelled.future.cancel()
    now[0] = 5.0
    assert not flights.publish(alone, VECTOR)
    assert flights.publish(shared, VECTOR)


def test_a_flight_is_wanted_as_long_as_one_caller_waits() -> None:
    """Who is late is told so at once; with the last caller the flight is over, and its key free for a new one."""
    now = [0.0]
    flights = Flights(lambda: now[0])
    cancelled, hurried, patient = waiter(), waiter(1.0), waiter(2.0)
    flight = begin(flights, KEYS[0], cancelled, hurried, patient)
    cancelled.future.cancel()
    now[0] = 1.0
    assert flights.wanted(flight)
    with pytest.raises(DeadlineExceededError, match=KEYS[0].hex()):
        hurried.future.result(0)
    assert not patient.future.done()
    now[0] = 2.0
    assert not flights.wanted(flight)
    assert patient.future.done()
    assert len(flights) == 0
    assert begin(flights, KEYS[0], waiter()) is not flight


def test_a_failed_flight_gives_its_error_to_everybody() -> None:
    """Durable or not; who left is left alone, and the flight is over."""
    flights = Flights()
    callers = [waiter(), waiter(durable=True), waiter()]
    flight = begin(flights, KEYS[0], *callers)
    callers[2].future.cancel()
    error = RuntimeError("out of memory")
    flights.fail(flight, error)
    assert [each.future.exception(0) for each in callers[:2]] == [error, error]
    assert len(flights) == 0
    assert flights.landed == 0


def test_closing_fails_what_has_no_vector_and_lets_nobody_join() -> None:
    """A flight whose vector exists goes on to the disk."""
    flights = Flights()
    computing, writing = waiter(), waiter(durable=True)
    begin(flights, KEYS[0], computing)
    published = begin(flights, KEYS[1], writing)
    flights.publish(published, VECTOR)
    stopping = UnavailableError("stopping", reason="SHUTTING_DOWN")
    flights.close(stopping)
    assert computing.future.exception(0) is stopping
    with pytest.raises(UnavailableError, match="stopping"):
        flights.join([(KEYS[2], waiter())], Lane.INTERACTIVE, always)
    assert not writing.future.done()
    flights.land(published, VECTOR)
    assert writing.future.done()
    assert len(flights) == 0


def test_a_flight_that_ended_early_can_still_land() -> None:
    """What was in the trunk when its flight was closed is stored without harm to a new flight of the same key."""
    flights = Flights()
    flight = begin(flights, KEYS[0], waiter())
    flights.fail(flight, RuntimeError("no more"))
    later = waiter()
    begin(flights, KEYS[0], later)
    assert not flights.publish(flight, VECTOR)
    flights.land(flight, VECTOR)
    assert not later.future.done()
    assert len(flights) == 1
