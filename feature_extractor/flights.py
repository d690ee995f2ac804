"""Single flight: identical pictures under way are computed once, and each caller keeps a deadline of its own.

    join ──claimed──> [wanted?] decode ──> [wanted?] trunk ──> publish ──> commit ──> land
      └──joined: waits with the others                           └ fail ends it at any point

A caller that gives up leaves alone: the picture is dropped only when nobody waits for it any more.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from graft.errors import DeadlineExceededError, GraftError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from feature_extractor.records import Vector


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of one picture.

    Attributes:
        digest: SHA-256 of its bytes, 32 raw bytes.
        vector: read-only float32[d].
        cached: the vector was stored before the call; nothing was computed.
    """

    digest: bytes
    vector: Vector
    cached: bool


@dataclass(frozen=True, slots=True)
class Waiter:
    """One caller of one picture.

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
    """One picture on its way; everything that changes here is guarded by the lock of its Flights.

    Attributes:
        digest: SHA-256 of the picture's bytes, 32 raw bytes.
        patient: it waits for admission in line instead of being refused.
        waiters: callers not answered yet.
        vector: float32[d] once it exists.
        over: nobody can join it any more.
    """

    digest: bytes
    patient: bool
    waiters: list[Waiter] = field(default_factory=list)
    vector: Vector | None = None
    over: bool = False


class Joined(Enum):
    """What `Flights.join` made of a caller."""

    CLAIMED = auto()  # the first: it has to start the work
    WAITING = auto()  # another computes the same picture
    REFUSED = auto()  # it would be the first, and there is no place for it


class Flights:
    """The pictures under way, by digest; every method may be called from any thread."""

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
        self, digest: bytes, waiter: Waiter, *, patient: bool, admit: Callable[[], bool]
    ) -> tuple[Joined, Flight | None]:
        """Wait for the flight of this digest, or claim it if there is none and `admit` gives it a place.

        `admit` is called under the lock. After `close`, its error is raised.
        """
        with self._lock:
            if self._closed is not None:
                raise self._closed
            flight = self._flights.get(digest)
            if flight is None:
                if not admit():
                    return Joined.REFUSED, None
                self._flights[digest] = flight = Flight(digest, patient, [waiter])
                return Joined.CLAIMED, flight
            if flight.vector is None or waiter.durable:
                flight.waiters.append(waiter)
                return Joined.WAITING, flight
            extracted = Extracted(digest, flight.vector, cached=False)
        _answer([waiter], extracted)
        return Joined.WAITING, flight

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
        _fail(expired, expired_error(flight.digest))
        return not flight.over

    def publish(self, flight: Flight, vector: Vector, *, cached: bool = False) -> None:
        """The vector exists: answer those who need no more than that."""
        with self._lock:
            flight.vector = vector
            ready = [waiter for waiter in flight.waiters if not waiter.durable]
            flight.waiters = [waiter for waiter in flight.waiters if waiter.durable]
        _answer(ready, Extracted(flight.digest, vector, cached=cached))

    def land(self, flight: Flight, vector: Vector, *, cached: bool = False) -> None:
        """The vector is on disk: answer everybody, and let the flight end."""
        with self._lock:
            self._landed += 1
            rest = self._end(flight)
        _answer(rest, Extracted(flight.digest, vector, cached=cached))

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
            del self._flights[flight.digest]
        rest, flight.waiters = flight.waiters, []
        return rest


def expired_error(digest: bytes) -> DeadlineExceededError:
    """The error of a picture whose caller's time ran out before it was computed."""
    return DeadlineExceededError(
        f"the time for picture {digest.hex()} ran out before it was computed: allow more, or send fewer at once",
        metadata={"digest": digest.hex()},
    )


def _answer(waiters: list[Waiter], extracted: Extracted) -> None:
    for waiter in waiters:
        if waiter.future.set_running_or_notify_cancel():
            waiter.future.set_result(extracted)


def _fail(waiters: list[Waiter], error: BaseException) -> None:
    for waiter in waiters:
        if waiter.future.set_running_or_notify_cancel():
            waiter.future.set_exception(error)
