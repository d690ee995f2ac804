"""The way of one picture: digest, cache, single flight, admission, decoding, batch, trunk, write.

    contents ─ SHA-256 ─ cache ──hit──────────────────────────────────────────> answered
                           └miss─ join a flight, or claim one
                                   └ admission ─ decode (pool) ─ batcher ─ vector ──> answered
                                                                             └ writer ─> answered, durable

A hit costs the caller's thread a hash and its share of one read transaction; the pool is for what must be decoded.
An error belongs to one picture: its neighbours in the call never see it.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.computation import Computation, closed_error
from feature_extractor.flights import Extracted, Flights, Joined, Waiter, expired_error
from feature_extractor.tally import Tally
from graft.errors import GraftError, InvalidArgumentError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from feature_extractor.admission import Admission
    from feature_extractor.batcher import Pixels
    from feature_extractor.computation import DecodedPicture, VectorCache
    from feature_extractor.records import Entry, Vector


@dataclass(frozen=True, slots=True)
class ExtractionStats:
    """The pipeline at one moment; all but the first two count pictures since the start.

    Attributes:
        in_flight: pictures admitted and not stored or failed yet.
        waiting: pictures in line for admission.
        cached: answered out of the cache.
        computed: vectors computed.
        joined: callers that shared the computing of another's identical picture.
        refused: refused because too many pictures were under way.
        invalid: not decodable, or past a limit.
        dropped: nobody wanted them any more before decoding or before the trunk.
        not_stored: computed, but the cache could not take them.
    """

    in_flight: int
    waiting: int
    cached: int
    computed: int
    joined: int
    refused: int
    invalid: int
    dropped: int
    not_stored: int


class Extraction:
    """Pictures in, vectors out; every method may be called from any thread and none waits for a picture.

    Args:
        cache: where vectors are looked up.
        decode: bytes -> picture; raises InvalidArgumentError. Runs in `pool`.
        compute: queues pixels for the trunk, `Batcher.submit`.
        write: queues an entry for the disk, `GroupCommitWriter.submit`; its capacity should be at least that of
            `admission`, then it never blocks.
        pool: threads for decoding.
        admission: places for pictures under way; a picture holds one until it is stored.
        estimate_wait_s: seconds the trunk needs for a number of pictures, `Batcher.estimate_wait_s`.
        max_image_bytes: bytes of a picture at most.
        observe_decode: told the seconds of each decoding, in the pool's thread; must not raise.
        clock: seconds, monotonic; what deadlines are compared with.
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
        estimate_wait_s: Callable[[int], float],
        max_image_bytes: int,
        observe_decode: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._admission = admission
        self._estimate_wait_s = estimate_wait_s
        self._max_image_bytes = max_image_bytes
        self._clock = clock
        self._flights = Flights(clock)
        self._tally = Tally("cached", "computed", "joined", "refused", "invalid", "dropped", "not_stored")
        self._computation = Computation(
            cache=cache,
            decode=decode,
            compute=compute,
            write=write,
            pool=pool,
            admission=admission,
            flights=self._flights,
            tally=self._tally,
            observe_decode=observe_decode,
        )

    def extract(
        self, content: bytes, *, deadline: float | None = None, durable: bool = False, wait: bool = False
    ) -> Future[Extracted]:
        """`extract_many` of one picture."""
        return self.extract_many([content], deadline=deadline, durable=durable, wait=wait)[0]

    def extract_many(
        self, contents: Sequence[bytes], *, deadline: float | None = None, durable: bool = False, wait: bool = False
    ) -> list[Future[Extracted]]:
        """A future for each picture, in order; those of cached pictures are done already.

        Cancelling a future drops the picture if it is not in the trunk yet and nobody else waits for it.

        Args:
            contents: the pictures' bytes as received.
            deadline: time.monotonic() after which no work is begun for this call; None is never.
            durable: answer when the vector is on disk; otherwise as soon as it exists, stored or not.
            wait: wait in line while too many pictures are under way; otherwise be refused at once.

        The futures raise InvalidArgumentError (the picture), ResourceExhaustedError (QUEUE_FULL with retry_after_s;
        CACHE_FULL if durable), DeadlineExceededError, UnavailableError (SHUTTING_DOWN), or what the trunk raised.
        """
        digests = [hashlib.sha256(content).digest() for content in contents]
        landed = self._flights.landed
        vectors = self._cache.get_many(digests)
        futures: list[Future[Extracted]] = []
        for content, digest, vector in zip(contents, digests, vectors, strict=True):
            future: Future[Extracted] = Future()
            futures.append(future)
            if vector is not None:
                future.set_result(Extracted(digest, vector, cached=True))
                continue
            try:
                self._start(content, digest, Waiter(future, deadline, durable), patient=wait, landed=landed)
            except GraftError as error:
                future.set_exception(error)
        self._tally.add("cached", sum(vector is not None for vector in vectors))
        return futures

    def stats(self) -> ExtractionStats:
        """Pictures under way and the counters."""
        return ExtractionStats(
            in_flight=self._admission.taken, waiting=self._admission.waiting, **self._tally.snapshot()
        )

    def close(self) -> None:
        """Take no more and fail what has no vector yet with UnavailableError; what has one is still written."""
        self._flights.close(closed_error())
        self._admission.close()

    def _start(self, content: bytes, digest: bytes, waiter: Waiter, *, patient: bool, landed: int) -> None:
        """Let the waiter share a flight, or begin one; raises if it can do neither."""
        self._check(content, digest, waiter.deadline)
        admit = _always if patient else self._admission.try_enter
        joined, flight = self._flights.join(digest, waiter, patient=patient, admit=admit)
        if flight is None:
            self._tally.add("refused")
            raise ResourceExhaustedError(
                f"picture {digest.hex()} was refused: {self._admission.capacity} are under way",
                retry_after_s=self._estimate_wait_s(self._admission.capacity),
                metadata={"digest": digest.hex()},
            )
        if joined is Joined.WAITING:
            self._tally.add("joined")
        elif patient:
            self._admission.enter_in_line(lambda: self._computation.start(flight, content, landed))
        else:
            self._computation.start(flight, content, landed)

    def _check(self, content: bytes, digest: bytes, deadline: float | None) -> None:
        if not content or len(content) > self._max_image_bytes:
            self._tally.add("invalid")
            reason = "IMAGE_TOO_LARGE" if content else "EMPTY_IMAGE"
            raise InvalidArgumentError(
                f"picture {digest.hex()} has {len(content)} bytes: send 1 to {self._max_image_bytes}",
                reason=reason,
                metadata={"digest": digest.hex()},
            )
        if deadline is not None and deadline <= self._clock():
            self._tally.add("dropped")
            raise expired_error(digest)


def _always() -> bool:
    return True
