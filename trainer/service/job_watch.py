"""What one watcher of a job has still to be told: the thread that makes events never waits for a slow watcher."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.catalog.job_records import JobEvent

_MAX_WAITING = 1000


class JobWatch:
    """The events of one watcher, in their order; made and read in an event loop.

    Args:
        max_waiting: events that may wait; past that, every second report of progress is dropped. Changes of state stay.
    """

    def __init__(self, max_waiting: int = _MAX_WAITING) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_waiting = max_waiting
        self._waiting: deque[JobEvent] = deque()
        self._some = asyncio.Event()

    def heard(self, event: JobEvent) -> None:
        """Take an event, from any thread."""
        self._loop.call_soon_threadsafe(self._take, event)

    def _take(self, event: JobEvent) -> None:
        self._waiting.append(event)
        if len(self._waiting) > self._max_waiting:
            reports = [each for each in self._waiting if each.progress is not None]
            dropped = {each.sequence for each in reports[::2]}
            self._waiting = deque(each for each in self._waiting if each.sequence not in dropped)
        self._some.set()

    async def next(self) -> JobEvent:
        """Wait for the next event."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()
