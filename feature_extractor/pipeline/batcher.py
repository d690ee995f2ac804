"""Groups the pictures of concurrent callers into batches for the trunk, interactive ones first.

When a batch starts. The trunk is idle: at once, with whatever is there, so a lone caller never waits for company. The
trunk is busy: everything that comes meanwhile gathers and is the next batch, as large as Pace finds good. That alone
makes full batches under load without a timer. One case is left: callers answered together come back together, but a
little apart, and the first of them would get a batch to itself; so after a batch of several the next one waits a
moment for as many. A batch's callers are answered while the next batch is in the trunk already.

A processor's threads wait for each other many times in a batch. While enough interactive pictures wait to make a whole
batch, a second one runs beside the first: what one leaves idle the other uses, also where the processor has other work
now and then, such as decoding or refusing callers.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.pipeline.batch_items import Item, answer, fail, stacked
from feature_extractor.pipeline.lanes import Lane, LaneQueue
from feature_extractor.pipeline.pace import Pace
from feature_extractor.pipeline.shared_time import SharedTime
from feature_extractor.pipeline.turns import Turns
from feature_extractor.tally import Tally
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.cache.records import Vector
    from feature_extractor.pipeline.batch_items import Pixels, Ran

_log = logging.getLogger(__name__)


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
class _Outcome:
    """What became of a batch in the trunk, from `started` on in so many seconds."""

    vectors: Vector | Exception
    started: float
    seconds: float


class Batcher:
    """A queue in front of the trunk, whose length Admission bounds; `submit` may be called from any thread.

    Args:
        trunk: uint8[n, 299, 299, 3] -> float32[n, d], n from 1 to the largest size; only the batcher's threads call it.
        sizes: batch sizes that suit the trunk, ascending from 1.
        concurrency: batches run at once; with a GPU two, so that one is copied while the other is computed.
        reserve: batches more that run at once while a whole batch of interactive pictures waits.
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
        reserve: int = 0,
        max_batch_s: float = 0.3,
        max_wait_s: float = 0.02,
        observe: Callable[[int, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trunk = trunk
        self._observe = observe
        self._clock = clock
        self._tally = Tally("batches", "pictures", "failed_batches")
        # Invariant: what follows is changed only under _changed's lock, which notifies of what comes and of closing.
        # Without it _closed, which is set once, and the one float of _pace that others need may be read.
        self._changed = threading.Condition()
        self._queue: LaneQueue[Item] = LaneQueue()
        self._closed = False
        self._pace = Pace(sizes, max_batch_s=max_batch_s, max_wait_s=max_wait_s)
        self._shared = SharedTime()
        self._turns = Turns(concurrency, reserve)
        self._threads = [
            threading.Thread(target=self._run, name=f"trunk-{number}", daemon=True)
            for number in range(concurrency + reserve + 1)  # one more: it answers while the others compute
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
        item = Item(pixels, wanted, token, self._clock(), Future())
        with self._changed:
            if self._closed:
                raise _closed_error()
            self._queue.append(item, lane)
            self._wake()
        return item.future

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Move what was submitted with such a token, and has not begun, to the interactive lane."""
        with self._changed:
            self._queue.hasten(lambda item: matches(item.token))

    def estimate_wait_s(self, pictures: int) -> float:
        """Seconds the trunk will need for this many pictures, as measured so far; 0 before the first batch."""
        return pictures * self._pace.seconds_per_picture

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
            taken: list[Item] = []
            try:
                self._run_batch(taken)
            except Exception as error:  # noqa: BLE001  # the thread must outlive any failure, and nobody may wait for ever
                _log.exception("a batch failed beside the trunk")
                fail(taken or self._take_all(), error)

    def _run_batch(self, taken: list[Item]) -> None:
        """Wait, then run the next batch; whoever leaves the queue for it is put into `taken`."""
        with self._changed:
            self._wait()
            if self._closed:
                return
            taken += (items := self._take())
            self._turns.running += 1
            self._wake()
        try:
            size, batch = len(items), list[Item]()
            while items:
                batch += [item for item in items if item.claim()]  # outside the lock: `wanted` may take locks
                taken += (items := self._fill_up(size - len(batch)))  # the places of those who left are for others
            outcome = self._compute(batch) if batch else None
        finally:
            with self._changed:
                self._turns.running -= 1
                self._wake()
        if outcome is not None:
            self._tell(batch, outcome)

    def _wait(self) -> None:
        """Wait for the moment a batch starts, or the batcher is closed."""
        self._changed.wait_for(lambda: self._closed or self._may_begin())
        if self._closed or not self._turns.free:
            return
        self._turns.gathering += 1
        try:
            company, wait_s = self._pace.company()
            self._changed.wait_for(lambda: self._closed or len(self._queue) >= company, timeout=wait_s)
        finally:
            self._turns.gathering -= 1

    def _may_begin(self) -> bool:
        """Whether what waits may be the next batch, or one beside those of the usual number."""
        if self._turns.overflowing:
            return self._queue.waiting(Lane.INTERACTIVE) >= self._pace.whole()
        return self._turns.free and len(self._queue) > 0

    def _wake(self) -> None:
        """Wake whoever waits for what has just become so."""
        if self._turns.gathering or self._may_begin():
            self._changed.notify_all()

    def _take(self) -> list[Item]:
        queue = self._queue
        waiting = queue.waiting(Lane.INTERACTIVE), queue.waiting(Lane.BULK)
        return queue.take(*self._pace.choose(*waiting, queue.bulk_due))

    def _fill_up(self, places: int) -> list[Item]:
        with self._changed:
            return [self._queue.take_one() for _ in range(min(places, len(self._queue)))]

    def _take_all(self) -> list[Item]:
        with self._changed:
            return self._queue.clear()

    def _compute(self, batch: list[Item]) -> _Outcome:
        """Run the trunk and learn what that cost."""
        started = self._clock()
        with self._changed:
            begun = self._shared.begin(started)
        vectors: Vector | Exception
        try:
            vectors = self._trunk(stacked(batch))
            if len(vectors) != len(batch):
                vectors = RuntimeError(f"the trunk gave {len(vectors)} vectors for {len(batch)} pictures")
        except Exception as failure:  # noqa: BLE001  # handed to those who wait; the thread must outlive any failure
            vectors = failure
        ended = self._clock()
        with self._changed:
            cost = self._shared.end(begun, ended)
            if not isinstance(vectors, Exception):
                self._pace.record(len(batch), cost)
        return _Outcome(vectors, started, ended - started)

    def _tell(self, batch: list[Item], outcome: _Outcome) -> None:
        """Answer those who wait, then whoever counts: if that fails, the vectors are there all the same."""
        if isinstance(outcome.vectors, Exception):
            self._tally.add("failed_batches")
            fail(batch, outcome.vectors)
            return
        answer(batch, outcome.vectors, outcome.started, outcome.seconds)
        self._tally.add("batches")
        self._tally.add("pictures", len(batch))
        if self._observe is not None:
            self._observe(len(batch), outcome.seconds)


def _closed_error() -> UnavailableError:
    return UnavailableError("the extractor is stopping: retry", reason="SHUTTING_DOWN", retry_after_s=1.0)
