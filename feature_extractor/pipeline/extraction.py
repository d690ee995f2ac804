"""The way of one picture: digest, cache, single flight, admission, decoding, batch, trunk, write.

    contents ─ SHA-256 ─ cache ──hit──────────────────────────────────────────> answered
                           └miss─ join a flight, or claim one
                                   └ admission ─ decode (pool) ─ batcher ─ vector ──> answered
                                                                             └ writer ─> answered, durable

A hit costs the caller's thread a hash and its share of one read transaction; the pool is for what must be decoded.
An error belongs to one picture: its neighbours in the call never see it. A picture's extra views go the same way under
keys of their own; it is decoded once for all of them.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from feature_extractor.cache.records import DIGEST_BYTES
from feature_extractor.decoding.views import picture_key
from feature_extractor.pipeline.admission import Place
from feature_extractor.pipeline.calls import PLAIN, ExtractionStats, Pending, Terms
from feature_extractor.pipeline.computation import Computation, closed_error
from feature_extractor.pipeline.flights import Extracted, Flights, Waiter, expired_error
from feature_extractor.pipeline.lookups import Lookups
from feature_extractor.pipeline.placing import Placing
from feature_extractor.pipeline.timings import Observer, Timings
from feature_extractor.pipeline.work import Work
from feature_extractor.tally import Tally
from graft.errors import GraftError, InvalidArgumentError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.cache.records import Entry
    from feature_extractor.decoding.views import Distortion, View
    from feature_extractor.pipeline.admission import Admission
    from feature_extractor.pipeline.batcher import Batcher
    from feature_extractor.pipeline.decode_pool import DecodePool
    from feature_extractor.pipeline.flights import Flight
    from feature_extractor.pipeline.lanes import Lane
    from feature_extractor.pipeline.work import DecodedPicture, VectorCache

_SHORTEST_RETRY_S = 0.05
_UNKNOWN_RETRY_S = 1.0


class Extraction:
    """Pictures in, vectors out; every method may be called from any thread and none waits for a picture.

    Args:
        cache: where vectors are looked up; while it cannot be read they are computed.
        decode: bytes and distortions -> picture; raises InvalidArgumentError. Runs in `pool`.
        batcher: in front of the trunk.
        write: queues an entry for the disk, `GroupCommitWriter.submit`; its capacity should be at least that of
            `admission`, then it never blocks.
        pool: threads for decoding.
        admission: bounds what is under way; a picture holds its place until it is stored.
        max_image_bytes: bytes of a picture at most.
        observer: told where the time goes.
        clock: seconds, monotonic; what deadlines are compared with.
    """

    def __init__(
        self,
        *,
        cache: VectorCache,
        decode: Callable[[bytes, Sequence[Distortion]], DecodedPicture],
        batcher: Batcher,
        write: Callable[[Entry], Future[None]],
        pool: DecodePool,
        admission: Admission,
        max_image_bytes: int,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookups = Lookups(cache)
        self._batcher = batcher
        self._admission = admission
        self._max_image_bytes = max_image_bytes
        self._observer = observer or Observer()
        self._clock = clock
        self._flights = Flights(clock)
        self._tally = Tally(
            "cached", "computed", "joined", "refused", "invalid", "failed", "dropped", "wasted", "not_stored"
        )
        self._computation = Computation(
            cache=self._lookups,
            decode=decode,
            batcher=batcher,
            write=write,
            pool=pool,
            admission=admission,
            flights=self._flights,
            tally=self._tally,
            observer=self._observer,
        )
        self._placing = Placing(admission, self._computation, self._flights, self._tally)

    def extract_many(self, contents: Sequence[bytes], terms: Terms = PLAIN) -> list[Pending]:
        """What is on its way for each picture, in order; the futures of what is cached are done already.

        The futures raise InvalidArgumentError (the picture), ResourceExhaustedError (CACHE_FULL if durable),
        DeadlineExceededError, UnavailableError (SHUTTING_DOWN), or what the trunk raised.

        Raises:
            ResourceExhaustedError: QUEUE_FULL with retry_after_s, and nothing of the call was begun. It is full when
                too much is under way, or so much that the call's deadline would pass before its turn.
            UnavailableError: SHUTTING_DOWN, CACHE_CLOSED.
        """
        digests = [hashlib.sha256(content).digest() for content in contents]
        keys = [[picture_key(digest, view) for view in (None, *terms.views)] for digest in digests]
        landed = self._flights.landed
        started = time.monotonic()
        vectors = iter(self._lookups.get_many([key for each in keys for key in each]))
        read = Timings(cache_s=time.monotonic() - started)
        self._observer.looked_up(read.cache_s)
        pending: list[Pending] = []
        missing: list[tuple[bytes, Waiter]] = []
        hits = 0
        for content, digest, own_keys in zip(contents, digests, keys, strict=True):
            futures = tuple(Future[Extracted]() for _ in own_keys)
            pending.append(Pending(digest, futures, read))
            error = self._problem(content, digest, terms.deadline)
            failed = 0
            for key, future, vector in zip(own_keys, futures, vectors, strict=False):
                if vector is not None:
                    future.set_result(Extracted(key, vector, cached=True))
                    hits += 1
                elif error is not None:
                    future.set_exception(error)
                    failed += 1
                else:
                    missing.append((key, Waiter(future, terms.deadline, terms.durable)))
            if failed and isinstance(error, InvalidArgumentError):
                self._tally.add("invalid")
            elif failed:
                self._tally.add("dropped", failed)
        self._tally.add("cached", hits)
        if missing:
            self._start(missing, dict(zip(digests, contents, strict=True)), terms, landed)
        return pending

    def stats(self) -> ExtractionStats:
        """Pictures under way and the counters."""
        return ExtractionStats(
            in_flight=self._admission.taken,
            in_flight_bytes=self._admission.taken_bytes,
            waiting=self._admission.waiting,
            **self._tally.snapshot(),
        )

    def refuse(self, count: int, lane: Lane, because: str) -> ResourceExhaustedError:
        """Count so many pictures and views as refused; the error says so, and when half of what is ahead is done."""
        self._tally.add("refused", count)
        retry_after_s = self._batcher.estimate_wait_s(self._admission.ahead(lane)) / 2 or _UNKNOWN_RETRY_S
        return ResourceExhaustedError(
            f"{count} pictures were refused, because {because}: come back later, send fewer at once, or allow more "
            "time",
            retry_after_s=max(retry_after_s, _SHORTEST_RETRY_S),
        )

    def close(self) -> None:
        """Take no more and fail what has no vector yet with UnavailableError; what has one is still written."""
        self._flights.close(closed_error())
        self._admission.close()

    def _problem(self, content: bytes, digest: bytes, deadline: float | None) -> GraftError | None:
        """What keeps a picture that is not cached from being begun."""
        if not content or len(content) > self._max_image_bytes:
            return InvalidArgumentError(
                f"picture {digest.hex()} has {len(content)} bytes: send 1 to {self._max_image_bytes}",
                reason="IMAGE_TOO_LARGE" if content else "EMPTY_IMAGE",
                metadata={"digest": digest.hex()},
            )
        if deadline is not None and deadline <= self._clock():
            return expired_error(digest)
        return None

    def _start(
        self,
        missing: Sequence[tuple[bytes, Waiter]],
        contents: dict[bytes, bytes],
        terms: Terms,
        landed: int,
    ) -> None:
        """Let the waiters share flights, and begin those that there are not yet; raises if there is no room."""

        def admit(keys: Sequence[bytes]) -> bool:
            if terms.patient:
                return True
            size = sum(len(contents[digest]) for digest in {key[:DIGEST_BYTES] for key in keys})
            return not self._too_late(terms) and self._admission.try_enter(Place(terms.lane, False, len(keys), size))

        joined = self._flights.join(missing, terms.lane, admit)
        if joined is None:
            raise self.refuse(len(missing), terms.lane, f"{self._admission.taken} are under way")
        self._tally.add("joined", joined.waiting)
        if joined.hastened:
            self._computation.hasten(joined.hastened)
        views = {picture_key(digest, view): view for digest in contents for view in terms.views}
        claimed: dict[bytes, list[tuple[Flight, View | None]]] = {}
        for key, flight in joined.claimed.items():
            claimed.setdefault(key[:DIGEST_BYTES], []).append((flight, views.get(key)))
        for digest, flights in claimed.items():
            self._placing.begin(Work(tuple(flights), contents[digest], landed, time.monotonic(), terms.lane), terms)
        for flight, waiter in joined.callers:
            if terms.patient or flight.key not in joined.claimed:  # what the impatient claim is never in line
                self._placing.watch(flight, waiter.future)

    def _too_late(self, terms: Terms) -> bool:
        """Whether the deadline will have passed when the pictures before these have been computed."""
        if terms.deadline is None:
            return False
        return self._clock() + self._batcher.estimate_wait_s(self._admission.ahead(terms.lane)) > terms.deadline
