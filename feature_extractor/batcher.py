"""Groups the pictures of concurrent callers into batches for the trunk, which one thread runs.

When a batch starts. The trunk is idle: at once, with whatever is there, so a lone caller never waits for company. The
trunk is busy: everything that comes meanwhile gathers and is the next batch, up to `max_batch`. That alone makes full
batches under load without a timer. One case is left: callers answered together come back together, but a little
apart, and the first of them would get a batch to itself. So after a batch of n > 1 the next one waits until n are
there, at most a tenth of the time a batch takes and never longer than `max_wait_s`; a batch of one ends the waiting.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_extractor.tally import Tally
from graft.errors import ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from feature_extractor.records import Vector

Pixels = npt.NDArray[np.uint8]
"""One decoded picture, uint8[299, 299, 3], or a batch of them, uint8[n, 299, 299, 3]."""

_WAIT_SHARE = 0.1
_SMOOTHING = 0.2


@dataclass(frozen=True, slots=True)
class BatcherStats:
    """The batcher at one moment; the rest but queued and seconds_per_picture counts since the start.

    Attributes:
        queued: pictures waiting for the trunk.
        seconds_per_picture: smoothed time the trunk takes for a picture of a batch; 0 before the first batch.
        batches: batches that the trunk ran.
        pictures: pictures in them.
        failed_batches: batches in which the trunk raised.
        dropped: pictures that nobody wanted any more when their turn came.
        refused: pictures refused because the queue was full.
    """

    queued: int
    seconds_per_picture: float
    batches: int
    pictures: int
    failed_batches: int
    dropped: int
    refused: int


@dataclass(frozen=True, slots=True)
class _Item:
    pixels: Pixels
    wanted: Callable[[], bool]
    future: Future[Vector]


class Batcher:
    """A bounded queue in front of the trunk; `submit` may be called from any thread.

    Args:
        trunk: uint8[n, 299, 299, 3] -> float32[n, d], n from 1 to max_batch; only the batcher's thread calls it.
        max_batch: pictures in a batch at most.
        capacity: pictures waiting at most; past it `submit` refuses.
        max_wait_s: longest wait for company, in seconds.
        observe: told the number of pictures and the seconds of each batch, in the batcher's thread.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        trunk: Callable[[Pixels], Vector],
        *,
        max_batch: int = 32,
        capacity: int = 512,
        max_wait_s: float = 0.005,
        observe: Callable[[int, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trunk = trunk
        self._max_batch = max_batch
        self._capacity = capacity
        self._max_wait_s = max_wait_s
        self._observe = observe
        self._clock = clock
        self._tally = Tally("batches", "pictures", "failed_batches", "dropped", "refused")
        # Invariant: _queue and _closed are touched only under _changed's lock; every change notifies. The three
        # figures of the last batch belong to the batcher's thread; others may read the one float they need.
        self._changed = threading.Condition()
        self._queue: deque[_Item] = deque()
        self._closed = False
        self._last_size = 0
        self._last_seconds = 0.0
        self._seconds_per_picture = 0.0
        self._thread = threading.Thread(target=self._run, name="trunk", daemon=True)
        self._thread.start()

    def submit(self, pixels: Pixels, wanted: Callable[[], bool]) -> Future[Vector]:
        """Queue uint8[299, 299, 3]; the future gives a read-only float32[d], or the trunk's exception.

        `wanted` is asked once, right before the trunk: if it says no, or if the future was cancelled, the picture is
        dropped and the future cancelled.

        Raises:
            ResourceExhaustedError: the queue is full; retry_after_s is the time it takes to empty.
            UnavailableError: the batcher is closed (reason SHUTTING_DOWN).
        """
        item = _Item(pixels, wanted, Future())
        with self._changed:
            if self._closed:
                raise _closed_error()
            if len(self._queue) >= self._capacity:
                self._tally.add("refused")
                raise ResourceExhaustedError(
                    f"{self._capacity} pictures are waiting for the trunk: retry later",
                    retry_after_s=self.estimate_wait_s(len(self._queue)),
                )
            self._queue.append(item)
            self._changed.notify_all()
        return item.future

    def estimate_wait_s(self, pictures: int) -> float:
        """Seconds the trunk will need for this many pictures, as measured so far; 1 before the first batch."""
        return pictures * self._seconds_per_picture if self._seconds_per_picture else 1.0

    def stats(self) -> BatcherStats:
        """The queue and the counters."""
        with self._changed:
            queued = len(self._queue)
        return BatcherStats(queued=queued, seconds_per_picture=self._seconds_per_picture, **self._tally.snapshot())

    def close(self) -> None:
        """Take no more, fail what waits with UnavailableError, let the running batch finish; again does nothing."""
        with self._changed:
            self._closed = True
            abandoned = list(self._queue)
            self._queue.clear()
            self._changed.notify_all()
        for item in abandoned:
            if item.future.set_running_or_notify_cancel():
                item.future.set_exception(_closed_error())
        self._thread.join()

    def _run(self) -> None:
        while self._await_work():
            batch: list[_Item] = []
            while len(batch) < self._max_batch and (items := self._take(self._max_batch - len(batch))):
                # Asked outside the lock: `wanted` may take locks of its own.
                batch += [item for item in items if self._claim(item)]
            if batch:
                self._compute(batch)

    def _await_work(self) -> bool:
        """Wait for the moment a batch starts; False when the batcher is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            if self._last_size > 1:
                company = min(self._last_size, self._max_batch)
                self._changed.wait_for(
                    lambda: self._closed or len(self._queue) >= company,
                    timeout=min(self._max_wait_s, _WAIT_SHARE * self._last_seconds),
                )
            return not self._closed

    def _take(self, count: int) -> list[_Item]:
        with self._changed:
            return [self._queue.popleft() for _ in range(min(count, len(self._queue)))]

    def _claim(self, item: _Item) -> bool:
        if not item.wanted():
            item.future.cancel()
        if item.future.set_running_or_notify_cancel():
            return True
        self._tally.add("dropped")
        return False

    def _compute(self, batch: list[_Item]) -> None:
        started = self._clock()
        try:
            pixels = batch[0].pixels[np.newaxis] if len(batch) == 1 else np.stack([item.pixels for item in batch])
            vectors = self._trunk(pixels)
            if len(vectors) != len(batch):
                raise RuntimeError(f"the trunk gave {len(vectors)} vectors for {len(batch)} pictures")  # noqa: TRY301  # one way out for every fault of the trunk
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the thread must outlive any failure
            self._tally.add("failed_batches")
            for item in batch:
                item.future.set_exception(error)
            return
        self._record(len(batch), self._clock() - started)
        for item, row in zip(batch, vectors, strict=True):
            vector = row.copy()  # a view would keep the whole batch alive
            vector.flags.writeable = False
            item.future.set_result(vector)

    def _record(self, size: int, seconds: float) -> None:
        self._last_size = size
        self._last_seconds = seconds
        measured, known = seconds / size, self._seconds_per_picture
        self._seconds_per_picture = known + _SMOOTHING * (measured - known) if known else measured
        self._tally.add("batches")
        self._tally.add("pictures", size)
        if self._observe is not None:
            self._observe(size, seconds)


def _closed_error() -> UnavailableError:
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
