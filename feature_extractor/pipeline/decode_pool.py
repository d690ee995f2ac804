"""Threads that decode pictures, interactive ones first."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane, LaneQueue

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[], None]
    token: object


class DecodePool:
    """A fixed number of threads behind two lanes; how much may wait is for its callers to bound.

    Args:
        threads: how many there are for both lanes.
        reserved: how many more there are for the interactive lane alone, so that nobody waits there until large
            pictures of the bulk lane are decoded. They cost bulk nothing: it has all the others.
    """

    def __init__(self, threads: int, *, reserved: int = 0) -> None:
        # Invariant: _queue, _closed and _bulk_running, at most _bulk_threads, are touched only under _changed's lock;
        # whoever changes them so that another job may begin notifies.
        self._changed = threading.Condition()
        self._queue: LaneQueue[_Job] = LaneQueue()
        self._closed = False
        self._bulk_threads = threads
        self._bulk_running = 0
        self._threads = [
            threading.Thread(target=self._run, name=f"decode-{number}", daemon=True)
            for number in range(threads + reserved)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, run: Callable[[], None], lane: Lane, token: object = None) -> bool:
        """Have `run`, which should not raise, called in one of the threads; False if the pool is closed."""
        with self._changed:
            if self._closed:
                return False
            self._queue.append(_Job(run, token), lane)
            self._changed.notify()
            return True

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Move what was submitted with such a token, and has not begun, to the interactive lane."""
        with self._changed:
            self._queue.hasten(lambda job: matches(job.token))
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more, do what is queued, stop the threads; again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Do the next job; False when there will be none any more. An idle thread holds no picture."""
        taken = self._next()
        if taken is None:
            return False
        job, lane = taken
        try:
            job.run()
        except Exception:  # noqa: BLE001  # logged; the thread must outlive any failure
            _log.exception("a job of the decoding pool raised")
        if lane is Lane.BULK:
            self._bulk_done()
        return True

    def _next(self) -> tuple[_Job, Lane] | None:
        """Wait for a job that may begin; None when the pool is closed and the other threads do what is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._may_begin())
            if not self._may_begin():
                return None
            if self._bulk_running == self._bulk_threads:
                return self._queue.take_interactive(), Lane.INTERACTIVE
            bulk = self._queue.waiting(Lane.BULK)
            job = self._queue.take_one()
            if self._queue.waiting(Lane.BULK) == bulk:
                return job, Lane.INTERACTIVE
            self._bulk_running += 1
            return job, Lane.BULK

    def _may_begin(self) -> bool:
        queue = self._queue
        return bool(len(queue) if self._bulk_running < self._bulk_threads else queue.waiting(Lane.INTERACTIVE))

    def _bulk_done(self) -> None:
        with self._changed:
            self._bulk_running -= 1
            self._changed.notify()
