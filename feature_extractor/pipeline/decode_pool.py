"""Threads that decode pictures, interactive ones first."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import LaneQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from feature_extractor.pipeline.lanes import Lane

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[], None]
    token: object


class DecodePool:
    """A fixed number of threads behind two lanes; how much may wait is for its callers to bound.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        # Invariant: _queue and _closed are touched only under _changed's lock; every change notifies.
        self._changed = threading.Condition()
        self._queue: LaneQueue[_Job] = LaneQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"decode-{number}", daemon=True) for number in range(threads)
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

    def close(self) -> None:
        """Take no more, do what is queued, stop the threads; again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            except Exception:  # noqa: BLE001  # logged; the thread must outlive any failure
                _log.exception("a job of the decoding pool raised")

    def _next(self) -> _Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._queue))
            return self._queue.take_one() if len(self._queue) else None
