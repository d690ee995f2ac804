"""Computes what is not cached: a flight that holds its place is decoded, batched, run, published, written, landed.

start ─ pool: wanted? decode ─ batcher: wanted? trunk ─ publish ─ writer ─ land
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from feature_extractor.records import Entry
from graft.errors import GraftError, InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from feature_extractor.admission import Admission
    from feature_extractor.batcher import Pixels
    from feature_extractor.flights import Flight, Flights
    from feature_extractor.records import Vector
    from feature_extractor.tally import Tally

_log = logging.getLogger(__name__)


class DecodedPicture(Protocol):
    """What decoding gives: pixels uint8[299, 299, 3] and a preview, a small JPEG."""

    @property
    def pixels(self) -> Pixels:
        """What the trunk sees."""
        ...

    @property
    def preview(self) -> bytes:
        """What people see."""
        ...


class VectorCache(Protocol):
    """The part of the cache that is read here."""

    def get_many(self, digests: Sequence[bytes]) -> list[Vector | None]:
        """The vector or None for each digest, in order."""
        ...


class Computation:
    """The stages behind the cache, for one flight at a time; see Extraction for the arguments.

    Args:
        flights: told what becomes of each flight.
        tally: counts computed, invalid, dropped, not_stored, and cached for what was stored meanwhile.
    """

    def __init__(
        self,
        *,
        cache: VectorCache,
        decode: Callable[[bytes], DecodedPicture],
        compute: Callable[[Pixels, Callable[[], bool]], Future[Vector]],
        write: Callable[[Entry], Future[None]],
        pool: Executor,
        admission: Admission,
        flights: Flights,
        tally: Tally,
        observe_decode: Callable[[float], None] | None,
    ) -> None:
        self._cache = cache
        self._decode = decode
        self._compute = compute
        self._write = write
        self._pool = pool
        self._admission = admission
        self._flights = flights
        self._tally = tally
        self._observe_decode = observe_decode
        # Whether the last write succeeded, so that the log tells changes only; a lost race costs one line.
        self._storing = True

    def start(self, flight: Flight, content: bytes, landed: int) -> None:
        """Send the flight, which holds a place, on its way; each way through this class ends in one `_leave`.

        Args:
            flight: claimed and admitted.
            content: the picture's bytes.
            landed: `Flights.landed` before the cache was asked for the picture.
        """
        try:
            self._pool.submit(self._run, flight, content, landed)
        except RuntimeError:  # the pool is shut down
            self._end(flight, closed_error())

    def _run(self, flight: Flight, content: bytes, landed: int) -> None:
        """Decode and queue for the trunk, in the pool's thread."""
        try:
            if not self._flights.wanted(flight):
                self._drop(flight)
                return
            if self._flights.landed != landed and self._land_if_cached(flight):
                return
            decoded = self._decode_timed(content, flight.digest)
            future = self._compute(decoded.pixels, partial(self._flights.wanted, flight))
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the pool would swallow it
            self._end(flight, error)
            return
        future.add_done_callback(partial(self._computed, flight, decoded.preview))

    def _land_if_cached(self, flight: Flight) -> bool:
        """Whether an identical picture was stored between the call's look-up and its flight; then it is answered."""
        vector = self._cache.get_many([flight.digest])[0]
        if vector is None:
            return False
        self._tally.add("cached")
        self._flights.land(flight, vector, cached=True)
        self._leave(flight)
        return True

    def _decode_timed(self, content: bytes, digest: bytes) -> DecodedPicture:
        started = time.monotonic()
        try:
            decoded = self._decode(content)
        except InvalidArgumentError as error:
            self._tally.add("invalid")
            error.metadata.setdefault("digest", digest.hex())
            raise
        if self._observe_decode is not None:
            self._observe_decode(time.monotonic() - started)
        return decoded

    def _computed(self, flight: Flight, preview: bytes, future: Future[Vector]) -> None:
        """The batcher is done with the picture, in the batcher's thread."""
        if future.cancelled():
            self._drop(flight)
        elif (error := future.exception()) is not None:
            self._end(flight, error)
        else:
            self._store(flight, Entry(flight.digest, future.result(), preview))

    def _store(self, flight: Flight, entry: Entry) -> None:
        self._tally.add("computed")
        self._flights.publish(flight, entry.vector)
        try:
            written = self._write(entry)
        except GraftError as error:
            self._not_stored(flight, error)
            return
        written.add_done_callback(partial(self._written, flight, entry.vector))

    def _written(self, flight: Flight, vector: Vector, written: Future[None]) -> None:
        """The writer is done with the entry, in the writer's thread."""
        if (error := written.exception()) is not None:
            self._not_stored(flight, error)
            return
        if not self._storing:
            self._storing = True
            _log.warning("vectors are stored again")
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
        self._admission.leave(patient=flight.patient)


def closed_error() -> UnavailableError:
    """The error of a picture that comes, or is under way, when the extractor stops."""
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
