"""Groups the pictures of concurrent callers into batches for the trunk, interactive ones first.

When a batch starts. The trunk is idle: at once, with whatever is there, so a lone caller never waits for company. The
trunk is busy: everything that comes meanwhile gathers and is the next batch, as large as Pace finds good. That alone
makes full batches under load without a timer. One case is left: callers answered together come back together, but a
little apart, and the first of them would get a batch to itself; so after a batch of several the next one waits a
moment for as many.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_extractor.pipeline.lanes import Lane, LaneQueue
from feature_extractor.pipeline.pace import Pace
from feature_extractor.tally import Tally
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.cache.records import Vector

Pixels = npt.NDArray[np.uint8]
"""One decoded picture, uint8[299, 299, 3], or a batch of them, uint8[n, 299, 299, 3]."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """What the trunk made of a picture.

    Attributes:
        vector: read-only float32[d].
        waited_s: how long the picture waited for its batch, in seconds.
        trunk_s: how long the batch took, in seconds.
    """

    vector: Vector
    waited_s: float
    trunk_s: float


@dataclass(frozen=True, slots=True)
class BatcherStats:
    """The batcher at one moment; the rest but queued and seconds_per_picture counts since the start.

    Attributes:
        queued: pictures waiting for the trunk.
        seconds_per_picture: see Pace.
        batches: batches that the trunk ran.
        pictures: pictures in them.
        failed_batches: batches in which the trunk raised.
    """

    queued: int
    seconds_per_picture: float
    batches: int
    pictures: int
    failed_batches: int


@dataclass(frozen=True, slots=True)
class _Item:
    pixels: Pixels
    wanted: Callable[[], bool]
    token: object
    queued_at: float
    future: Future[Ran]


class Batcher:
    """A queue in front of the trunk, whose length Admission bounds; `submit` may be called from any thread.

    Args:
        trunk: uint8[n, 299, 299, 3] -> float32[n, d], n from 1 to the largest size; only the batcher's threads call it.
        sizes: batch sizes that suit the trunk, ascending from 1.
        concurrency: batches run at once; with a GPU two, so that one is copied while the other is computed.
        max_batch_s: seconds that a batch of more than one picture may take.
        max_wait_s: longest wait for company, in seconds.
        observe: told the number of pictures and the seconds of each batch, in a thread of the batcher.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        trunk: Callable[[Pixels], Vector],
        *,
        sizes: Sequence[int] = (1, 2, 4, 8, 16, 32),
        concurrency: int = 1,
        max_batch_s: float = 0.3,
        max_wait_s: float = 0.02,
        observe: Callable[[int, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trunk = trunk
        self._observe = observe
        self._clock = clock
        self._tally = Tally("batches", "pictures", "failed_batches")
        # Invariant: _queue, _closed and _pace are changed only under _changed's lock, which notifies of what comes and
        # of closing. Without it _closed, which is set once, and the one float of _pace that others need may be read.
        self._changed = threading.Condition()
        self._queue: LaneQueue[_Item] = LaneQueue()
        self._closed = False
        self._pace = Pace(sizes, max_batch_s=max_batch_s, max_wait_s=max_wait_s)
        self._threads = [
            threading.Thread(target=self._run, name=f"trunk-{number}", daemon=True) for number in range(concurrency)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, pixels: Pixels, wanted: Callable[[], bool], lane: Lane = Lane.INTERACTIVE, token: object = None
    ) -> Future[Ran]:
        """Queue uint8[299, 299, 3]; the future gives what the trunk made of it, or the trunk's exception.

        `wanted` is asked once, right before the trunk: if it says no, or if the future was cancelled, the picture is
        dropped and the future cancelled.

        Raises:
            UnavailableError: the batcher is closed (reason SHUTTING_DOWN).
        """
        item = _Item(pixels, wanted, token, self._clock(), Future())
        with self._changed:
            if self._closed:
                raise _closed_error()
            self._queue.append(item, lane)
            self._changed.notify_all()
        return item.future

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Move what was submitted with such a token, and has not begun, to the interactive lane."""
        with self._changed:
            self._queue.hasten(lambda item: matches(item.token))

    def estimate_wait_s(self, pictures: int) -> float:
        """Seconds the trunk will need for this many pictures, as measured so far; 0 before the first batch."""
        return pictures * self._pace.seconds_per_picture / len(self._threads)

    def stats(self) -> BatcherStats:
        """The queue and the counters."""
        with self._changed:
            queued = len(self._queue)
        return BatcherStats(queued=queued, seconds_per_picture=self._pace.seconds_per_picture, **self._tally.snapshot())

    def close(self) -> None:
        """Take no more, fail what waits with UnavailableError, let running batches finish; again does nothing."""
        with self._changed:
            self._closed = True
            abandoned = self._queue.clear()
            self._changed.notify_all()
        for item in abandoned:
            if item.future.set_running_or_notify_cancel():
                item.future.set_exception(_closed_error())
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._closed:
            taken: list[_Item] = []
            try:
                self._run_batch(taken)
            except Exception as error:  # noqa: BLE001  # the thread must outlive any failure, and nobody may wait for ever
                _log.exception("a batch failed beside the trunk")
                _fail(taken or self._take_all(), error)

    def _run_batch(self, taken: list[_Item]) -> None:
        """Run the next batch; whoever leaves the queue for it is put into `taken`."""
        taken += (items := self._next_batch())
        size, batch = len(items), list[_Item]()
        while items:
            batch += [item for item in items if _claim(item)]  # outside the lock: `wanted` may take locks
            taken += (items := self._fill_up(size - len(batch)))  # the places of those who left are for others
        if batch:
            self._compute(batch)

    def _next_batch(self) -> list[_Item]:
        """Wait for the moment a batch starts and take it; empty when the batcher is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._queue))
            company, wait_s = self._pace.company()
            self._changed.wait_for(lambda: self._closed or len(self._queue) >= company, timeout=wait_s)
            if self._closed:
                return []
            queue = self._queue
            waiting = queue.waiting(Lane.INTERACTIVE), queue.waiting(Lane.BULK)
            return queue.take(*self._pace.choose(*waiting, queue.bulk_due))

    def _fill_up(self, places: int) -> list[_Item]:
        with self._changed:
            return [self._queue.take_one() for _ in range(min(places, len(self._queue)))]

    def _take_all(self) -> list[_Item]:
        with self._changed:
            return self._queue.clear()

    def _compute(self, batch: list[_Item]) -> None:
        started = self._clock()
        try:
            pixels = batch[0].pixels[np.newaxis] if len(batch) == 1 else np.stack([item.pixels for item in batch])
            vectors = self._trunk(pixels)
            if len(vectors) != len(batch):
                raise RuntimeError(f"the trunk gave {len(vectors)} vectors for {len(batch)} pictures")  # noqa: TRY301  # one way out for every fault of the trunk
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the thread must outlive any failure
            self._tally.add("failed_batches")
            _fail(batch, error)
            return
        seconds = self._clock() - started
        for item, row in zip(batch, vectors, strict=True):
            vector = row.copy()  # a view would keep the whole batch alive
            vector.flags.writeable = False
            item.future.set_result(Ran(vector, started - item.queued_at, seconds))
        self._record(len(batch), seconds)  # last: if that fails, the vectors are there all the same

    def _record(self, size: int, seconds: float) -> None:
        with self._changed:
            self._pace.record(size, seconds)
        self._tally.add("batches")
        self._tally.add("pictures", size)
        if self._observe is not None:
            self._observe(size, seconds)


def _claim(item: _Item) -> bool:
    if not item.wanted():
        item.future.cancel()
    return item.future.set_running_or_notify_cancel()


def _fail(items: Sequence[_Item], error: Exception) -> None:
    """Those that have no answer yet get the error."""
    for item in items:
        with suppress(InvalidStateError):  # answered or cancelled already
            item.future.set_exception(error)


def _closed_error() -> UnavailableError:
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
