"""Single flight: identical inputs under way are computed once, and each caller keeps a deadline of its own.

    join ──claimed──> [wanted?] decode ──> [wanted?] trunk ──> publish ──> commit ──> land
      └──joined: waits with the others                           └ fail ends it at any point

A caller that gives up leaves alone: the input is dropped only when nobody waits for it any more.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.timings import Timings
from graft.errors import DeadlineExceededError, GraftError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from feature_extractor.cache.records import Vector
    from feature_extractor.pipeline.admission import Place


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of one input of the trunk: a picture, or a view of it.

    Attributes:
        key: the picture's digest, 32 raw bytes, with the view's id behind it if it is a view.
        vector: read-only float32[d].
        cached: the vector was stored before the call; nothing was computed.
        timings: where the time went.
    """

    key: bytes
    vector: Vector
    cached: bool
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True)
class Waiter:
    """One caller of one input.

    Attributes:
        future: what the caller holds.
        deadline: time.monotonic() at which the caller's time is up; None is never.
        durable: the caller waits until the vector is on disk, not only until it exists.
    """

    future: Future[Extracted]
    deadline: float | None
    durable: bool


@dataclass(eq=False, slots=True)
class Flight:
    """One input on its way.

    What changes is guarded by the lock of its Flights; `timings`, `place` and `ticket` belong to whoever works on it.

    Attributes:
        key: as Extracted's.
        lane: the lane it waits in; raised when an interactive caller joins.
        waiters: callers not answered yet.
        vector: float32[d] once it exists.
        over: nobody can join it any more.
        timings: where its time went so far.
        place: what it takes up while it is under way.
        ticket: what it waits, or has waited, in line with; 0 if it never did.
    """

    key: bytes
    lane: Lane
    waiters: list[Waiter] = field(default_factory=list)
    vector: Vector | None = None
    over: bool = False
    timings: Timings = field(default_factory=Timings)
    place: Place | None = None
    ticket: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """What `Flights.join` made of a caller's inputs.

    Attributes:
        claimed: flights that the caller has to start, by key, in its order.
        callers: each of the caller's waiters with the flight it waits for, claimed or not.
        waiting: how many of them wait for what is computed for another already.
        hastened: flights that must move to the interactive lane.
    """

    claimed: dict[bytes, Flight]
    callers: list[tuple[Flight, Waiter]]
    waiting: int
    hastened: list[Flight]


class Flights:
    """The inputs under way, by key; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Invariant: under _lock, _flights holds exactly the flights that are not over, and a waiter is in one flight's
        # list until whoever takes it out, once, answers it. Futures are answered outside: callbacks run there.
        self._lock = threading.Lock()
        self._flights: dict[bytes, Flight] = {}
        self._landed = 0
        self._closed: GraftError | None = None

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def landed(self) -> int:
        """How many flights have been stored so far; a look-up older than the last of them may be out of date."""
        return self._landed

    def join(
        self, waiters: Sequence[tuple[bytes, Waiter]], lane: Lane, admit: Callable[[Sequence[bytes]], bool]
    ) -> Joined | None:
        """Wait for the flights of these keys, and claim those that there are not yet; None if `admit` refuses them.

        `admit` is called once, under the lock, with the keys that would be claimed; if it refuses, nobody waits for
        anything. After `close`, its error is raised.
        """
        published: list[tuple[Waiter, Extracted]] = []
        joined = Joined({}, [], 0, [])
        with self._lock:
            if self._closed is not None:
                raise self._closed
            new = list(dict.fromkeys(key for key, _ in waiters if key not in self._flights))
            if new and not admit(new):
                return None
            for key in new:
                self._flights[key] = joined.claimed[key] = Flight(key, lane)
            for key, waiter in waiters:
                flight = self._flights[key]
                joined.callers.append((flight, waiter))
                if flight.vector is None or waiter.durable:
                    flight.waiters.append(waiter)
                else:
                    published.append((waiter, Extracted(key, flight.vector, cached=False, timings=flight.timings)))
                if lane is Lane.INTERACTIVE and flight.lane is Lane.BULK:
                    flight.lane = lane
                    joined.hastened.append(flight)
        for waiter, extracted in published:
            _answer([waiter], extracted)
        return replace(joined, waiting=len(waiters) - len(joined.claimed))

    def wanted(self, flight: Flight) -> bool:
        """Whether anybody waits still; those whose time is up are told so, and a flight without callers is over."""
        now = self._clock()
        with self._lock:
            expired = [waiter for waiter in flight.waiters if waiter.deadline is not None and waiter.deadline <= now]
            flight.waiters = [
                waiter for waiter in flight.waiters if waiter not in expired and not waiter.future.cancelled()
            ]
            if not flight.waiters:
                self._end(flight)
        _fail(expired, expired_error(flight.key))
        return not flight.over

    def publish(self, flight: Flight, vector: Vector) -> bool:
        """The vector exists: answer those who need no more than that; False if nobody waited for it any more."""
        now = self._clock()
        with self._lock:
            useful = any(
                not waiter.future.cancelled() and (waiter.deadline is None or waiter.deadline > now)
                for waiter in flight.waiters
            )
            flight.vector = vector
            ready = [waiter for waiter in flight.waiters if not waiter.durable]
            flight.waiters = [waiter for waiter in flight.waiters if waiter.durable]
        _answer(ready, Extracted(flight.key, vector, cached=False, timings=flight.timings))
        return useful

    def land(self, flight: Flight, vector: Vector, *, cached: bool = False) -> None:
        """The vector is on disk: answer everybody, and let the flight end."""
        with self._lock:
            self._landed += 1
            rest = self._end(flight)
        _answer(rest, Extracted(flight.key, vector, cached=cached, timings=flight.timings))

    def fail(self, flight: Flight, error: BaseException) -> None:
        """Whoever waits still gets the error, and the flight is over."""
        with self._lock:
            rest = self._end(flight)
        _fail(rest, error)

    def close(self, error: GraftError) -> None:
        """End every flight that has no vector yet with this error, and let nobody join any more."""
        with self._lock:
            self._closed = error
            rest = [self._end(flight) for flight in list(self._flights.values()) if flight.vector is None]
        for waiters in rest:
            _fail(waiters, error)

    def _end(self, flight: Flight) -> list[Waiter]:
        """Take the flight out of the table, under the lock; whose callers are left must be answered."""
        if not flight.over:
            flight.over = True
            del self._flights[flight.key]
        rest, flight.waiters = flight.waiters, []
        return rest


def expired_error(key: bytes) -> DeadlineExceededError:
    """The error of an input whose caller's time ran out before it was computed."""
    digest = key[:32].hex()
    return DeadlineExceededError(
        f"the time for picture {digest} ran out before it was computed: allow more, or send fewer at once",
        metadata={"digest": digest},
    )


def _answer(waiters: list[Waiter], extracted: Extracted) -> None:
    for waiter in waiters:
        if waiter.future.set_running_or_notify_cancel():
            waiter.future.set_result(extracted)


def _fail(waiters: list[Waiter], error: BaseException) -> None:
    for waiter in waiters:
        if waiter.future.set_running_or_notify_cancel():
            waiter.future.set_exception(error)
