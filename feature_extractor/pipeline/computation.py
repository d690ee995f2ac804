"""Computes what is not cached: flights that hold their places are decoded, batched, run, published, written, landed.

start ─ pool: wanted? decode ─ batcher: wanted? trunk ─ publish ─ writer ─ land
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from feature_extractor.cache.records import DIGEST_BYTES, Entry
from feature_extractor.decoding.views import draw
from feature_extractor.pipeline.timings import Observer, Timings
from feature_extractor.pipeline.work import DecodedPicture, TrunkQueue, VectorCache, Work
from graft.errors import GraftError, InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from feature_extractor.cache.records import Vector
    from feature_extractor.decoding.views import Distortion, View
    from feature_extractor.pipeline.admission import Admission
    from feature_extractor.pipeline.batcher import Pixels, Ran
    from feature_extractor.pipeline.decode_pool import DecodePool
    from feature_extractor.pipeline.flights import Flight, Flights
    from feature_extractor.tally import Tally

_log = logging.getLogger(__name__)


class Computation:
    """The stages behind the cache; see Extraction for the arguments.

    Args:
        flights: told what becomes of each flight.
        tally: counts computed, invalid, dropped, wasted, not_stored, and cached for what was stored meanwhile.
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
        """Send flights, which hold their places, on their way; each way through this class ends in one `_leave`."""
        lane = work.lane
        if not self._pool.submit(partial(self._run, work), lane, work):
            for flight, _ in work.flights:
                self._end(flight, closed_error())
        elif work.lane is not lane:  # raised before there was anything to hasten
            self._pool.hasten(lambda token: token is work)

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
        flights = [(flight, view) for flight, view in work.flights if self._still_wanted(flight)]
        if flights and self._flights.landed != work.landed:
            flights = self._without_cached(flights)
        if not flights:
            return
        waited = Timings(queue_s=time.monotonic() - work.claimed_at)
        digest = flights[0][0].key[:DIGEST_BYTES]
        views = [view for _, view in flights if view is not None]
        started = time.monotonic()
        try:
            decoded = self._decode(work.content, [draw(digest, view) for view in views])
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the pool would swallow it
            if isinstance(error, InvalidArgumentError):
                self._tally.add("invalid")
                error.metadata.setdefault("digest", digest.hex())
            for flight, _ in flights:
                self._end(flight, error)
            return
        seconds = time.monotonic() - started
        self._observer.decoded(seconds)
        distorted = iter(decoded.views)
        for number, (flight, view) in enumerate(flights):
            flight.timings += waited
            if number == 0:  # the picture is decoded once for all of them
                flight.timings += Timings(decode_s=seconds)
            if view is None:
                self._compute(flight, decoded.pixels, decoded.preview)
            else:
                self._compute(flight, next(distorted), b"")

    def _still_wanted(self, flight: Flight) -> bool:
        if self._flights.wanted(flight):
            return True
        self._drop(flight)
        return False

    def _without_cached(self, flights: list[tuple[Flight, View | None]]) -> list[tuple[Flight, View | None]]:
        """Answer those that were stored between the call's look-up and their claim; the others are returned."""
        rest = []
        try:
            vectors = self._cache.get_many([flight.key for flight, _ in flights])
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the pool would swallow it
            for flight, _ in flights:
                self._end(flight, error)
            return []
        for (flight, view), vector in zip(flights, vectors, strict=True):
            if vector is None:
                rest.append((flight, view))
                continue
            self._tally.add("cached")
            self._flights.land(flight, vector, cached=True)
            self._leave(flight)
        return rest

    def _compute(self, flight: Flight, pixels: Pixels, preview: bytes) -> None:
        lane = flight.lane
        try:
            future = self._batcher.submit(pixels, partial(self._flights.wanted, flight), lane, flight)
        except GraftError as error:
            self._end(flight, error)
            return
        if flight.lane is not lane:  # as in `start`
            self._batcher.hasten(lambda token: token is flight)
        future.add_done_callback(partial(self._computed, flight, preview))

    def _computed(self, flight: Flight, preview: bytes, future: Future[Ran]) -> None:
        """The batcher is done with the input, in a thread of the batcher."""
        if future.cancelled():
            self._drop(flight)
        elif (error := future.exception()) is not None:
            self._end(flight, error)
        else:
            ran = future.result()
            flight.timings += Timings(queue_s=ran.waited_s, trunk_s=ran.trunk_s)
            self._observer.queued(flight.lane, flight.timings.queue_s)
            self._store(flight, Entry(flight.key, ran.vector, preview))

    def _store(self, flight: Flight, entry: Entry) -> None:
        self._tally.add("computed")
        if not self._flights.publish(flight, entry.vector):
            self._tally.add("wasted")
        computed_at = time.monotonic()
        try:
            written = self._write(entry)
        except GraftError as error:
            self._not_stored(flight, error)
            return
        written.add_done_callback(partial(self._written, flight, entry.vector, computed_at))

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

    def _end(self, flight: Flight, error: BaseException) -> None:
        self._flights.fail(flight, error)
        self._leave(flight)

    def _leave(self, flight: Flight) -> None:
        if flight.place is not None:
            self._admission.leave(flight.place)


def closed_error() -> UnavailableError:
    """The error of a picture that comes, or is under way, when the extractor stops."""
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
