"""Computes what is not cached: flights that hold their places are decoded, batched, run, published, written, landed.

start ─ pool: wanted? decode ─ batcher: wanted? trunk ─ publish ─ writer ─ land
"""

from __future__ import annotations

import logging
import time
from functools import partial, wraps
from operator import is_
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from feature_extractor.cache.records import DIGEST_BYTES, Entry
from feature_extractor.decoding.views import draw
from feature_extractor.pipeline.timings import Observer, Timings
from feature_extractor.pipeline.work import DecodedPicture, TrunkQueue, VectorCache, Work
from graft.errors import InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from feature_extractor.cache.records import Vector
    from feature_extractor.decoding.views import Distortion, View
    from feature_extractor.pipeline.admission import Admission
    from feature_extractor.pipeline.batch_items import Ran
    from feature_extractor.pipeline.decode_pool import DecodePool
    from feature_extractor.pipeline.flights import Flight, Flights
    from feature_extractor.pipeline.lanes import Lane
    from feature_extractor.tally import Tally

_log = logging.getLogger(__name__)
_Rest = ParamSpec("_Rest")


def _or_failed(
    step: Callable[Concatenate[Computation, Flight, _Rest], None],
) -> Callable[Concatenate[Computation, Flight, _Rest], None]:
    """Let the flight fail by whatever the step raises: whoever calls back would swallow it."""

    @wraps(step)
    def guarded(self: Computation, flight: Flight, /, *rest: _Rest.args, **named: _Rest.kwargs) -> None:
        try:
            step(self, flight, *rest, **named)
        except Exception as error:  # noqa: BLE001  # handed to those who wait
            self._fail(flight, error)

    return guarded


class Computation:
    """The stages behind the cache; see Extraction for the arguments.

    Args:
        flights: told what becomes of each flight.
        tally: counts computed, invalid, failed, dropped, wasted, not_stored, and cached for what was stored meanwhile.
    """

    def __init__(
        self,
        *,
        cache: VectorCache,
        decode: Callable[[bytes, Sequence[Distortion]], DecodedPicture],
        batcher: TrunkQueue,
        write: Callable[[Entry], Future[None]],
        pool: DecodePool,
        admission: Admission,
        flights: Flights,
        tally: Tally,
        observer: Observer,
    ) -> None:
        self._cache = cache
        self._decode = decode
        self._batcher = batcher
        self._write = write
        self._pool = pool
        self._admission = admission
        self._flights = flights
        self._tally = tally
        self._observer = observer
        # Whether the last write succeeded, so that the log tells changes only; a lost race costs one line.
        self._storing = True

    def start(self, work: Work) -> None:
        """Send flights, which hold their places, on their way.

        Each way through this class, and whatever is raised on it, ends in one `_leave`.
        """
        lane = work.lane
        if not self._pool.submit(partial(self._run, work), lane, work):
            for flight, _ in work.flights:
                self._end(flight, closed_error())
        elif work.lane is not lane:  # raised before there was anything to hasten
            self._pool.hasten(partial(is_, work))

    def hasten(self, flights: Sequence[Flight]) -> None:
        """Move flights to the interactive lane, wherever they wait; their own `lane` says so already."""
        hurried = frozenset(flights)

        def matches(work: object) -> bool:
            return isinstance(work, Work) and not hurried.isdisjoint(flight for flight, _ in work.flights)

        self._admission.hasten(matches)
        self._pool.hasten(matches)
        self._batcher.hasten(hurried.__contains__)

    def _run(self, work: Work) -> None:
        """Decode and queue for the trunk, in the pool's thread."""
        own = [flight for flight, _ in work.flights]  # without those that the batcher has
        try:
            self._prepare(work, own)
        except InvalidArgumentError as error:
            self._tally.add("invalid")
            error.metadata.setdefault("digest", own[0].key[:DIGEST_BYTES].hex())
            for flight in own:
                self._end(flight, error)
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the pool would swallow it
            for flight in own:
                self._fail(flight, error)

    def _prepare(self, work: Work, own: list[Flight]) -> None:
        """As `_run`; a flight that the batcher has is taken out of `own`."""
        waited = Timings(queue_s=time.monotonic() - work.claimed_at)
        flights = [(flight, view) for flight, view in work.flights if self._still_wanted(flight)]
        for flight, _ in flights:
            flight.timings += waited
        if flights and self._flights.landed != work.landed:
            flights = self._without_cached(flights)
        if not flights:
            return
        views = [view for _, view in flights if view is not None]
        digest = own[0].key[:DIGEST_BYTES]
        started = time.monotonic()
        decoded = self._decode(work.content, [draw(digest, view) for view in views])
        seconds = time.monotonic() - started
        self._observer.decoded(seconds)
        flights[0][0].timings += Timings(decode_s=seconds)  # the picture is decoded once for all of them
        distorted = iter(decoded.views)
        for flight, view in flights:
            pixels, preview = (decoded.pixels, decoded.preview) if view is None else (next(distorted), b"")
            lane = flight.lane
            future = self._batcher.submit(pixels, partial(self._flights.wanted, flight), lane, flight)
            own.remove(flight)
            future.add_done_callback(partial(self._computed, flight, work.came_by, preview))
            if flight.lane is not lane:  # as in `start`
                self._batcher.hasten(partial(is_, flight))

    def _still_wanted(self, flight: Flight) -> bool:
        if self._flights.wanted(flight):
            return True
        self._drop(flight)
        return False

    def _without_cached(self, flights: list[tuple[Flight, View | None]]) -> list[tuple[Flight, View | None]]:
        """Answer those that were stored between the call's look-up and their claim; the others are returned."""
        rest = []
        # Counted once, as what the call's look-up found.
        vectors = self._cache.get_many([flight.key for flight, _ in flights], counted=False)
        for (flight, view), vector in zip(flights, vectors, strict=True):
            if vector is None:
                rest.append((flight, view))
                continue
            self._tally.add("cached")
            self._flights.land(flight, vector, cached=True)
            self._leave(flight)
        return rest

    @_or_failed
    def _computed(self, flight: Flight, came_by: Lane, preview: bytes, future: Future[Ran]) -> None:
        """The batcher is done with the input, in a thread of the batcher."""
        if future.cancelled():
            self._drop(flight)
            return
        ran = future.result()
        flight.timings += Timings(queue_s=ran.waited_s, trunk_s=ran.trunk_s)
        self._observer.queued(came_by, flight.timings.queue_s)
        self._store(flight, Entry(flight.key, ran.vector, preview))

    def _store(self, flight: Flight, entry: Entry) -> None:
        self._tally.add("computed")
        if not self._flights.publish(flight, entry.vector):
            self._tally.add("wasted")
        computed_at = time.monotonic()
        try:
            written = self._write(entry)
        except Exception as error:  # noqa: BLE001  # handed to those who wait
            self._not_stored(flight, error)
            return
        written.add_done_callback(partial(self._written, flight, entry.vector, computed_at))

    @_or_failed
    def _written(self, flight: Flight, vector: Vector, computed_at: float, written: Future[None]) -> None:
        """The writer is done with the entry, in the writer's thread."""
        if (error := written.exception()) is not None:
            self._not_stored(flight, error)
            return
        if not self._storing:
            self._storing = True
            _log.warning("vectors are stored again")
        seconds = time.monotonic() - computed_at
        self._observer.written(seconds)
        flight.timings += Timings(cache_s=seconds)
        self._flights.land(flight, vector)
        self._leave(flight)

    def _not_stored(self, flight: Flight, error: BaseException) -> None:
        """Those content with the vector have it; those who wait for the disk get the error."""
        self._tally.add("not_stored")
        if self._storing:
            self._storing = False
            _log.error("vectors are answered but not stored: %s", error)
        self._end(flight, error)

    def _drop(self, flight: Flight) -> None:
        self._tally.add("dropped")
        self._leave(flight)

    def _fail(self, flight: Flight, error: Exception) -> None:
        if not flight.over:
            self._tally.add("failed")
        self._end(flight, error)

    def _end(self, flight: Flight, error: BaseException) -> None:
        try:
            self._flights.fail(flight, error)
        finally:
            self._leave(flight)

    def _leave(self, flight: Flight) -> None:
        place, flight.place = flight.place, None  # given back once, whatever fails after that
        if place is not None:
            self._admission.leave(place)


def closed_error() -> UnavailableError:
    """The error of a picture that comes, or is under way, when the extractor stops."""
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
