"""Group commit: one thread writes whatever entries have gathered, so that many share one sync to disk."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.cache.records import Entry


class GroupCommitWriter:
    """Entries go in one by one and are written in groups, in the order they came.

    A group starts with the first entry waiting and is closed when it is full, when `gather_s` has passed, or on
    `close`; what comes while a group is being written is the next one. A commit that fails fails its own entries only.

    Args:
        commit: writes the entries, all or none, and returns when they are synced.
        max_entries: entries in a group at most.
        gather_s: how long, in seconds, the first entry of a group waits for company.
        capacity: entries waiting at most; past it `submit` blocks.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Entry]], None],
        *,
        max_entries: int = 256,
        gather_s: float = 0.002,
        capacity: int = 1024,
    ) -> None:
        self._commit = commit
        self._max_entries = max_entries
        self._gather_s = gather_s
        self._capacity = capacity
        # Invariant: _queue and _closed are touched only under _changed's lock; every change notifies.
        self._changed = threading.Condition()
        self._queue: deque[tuple[Entry, Future[None]]] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="cache-writer", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> Future[None]:
        """Queue the entry; the future is done when the commit that holds it is on disk. Blocks while the queue is full.

        Raises:
            UnavailableError: the writer is closed (reason CACHE_CLOSED).
        """
        future: Future[None] = Future()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._queue) < self._capacity)
            if self._closed:
                raise UnavailableError("the cache's writer is closed: the extractor is stopping", reason="CACHE_CLOSED")
            self._queue.append((entry, future))
            self._changed.notify_all()
        return future

    def close(self) -> None:
        """Take no more, write what is queued, stop the thread; again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            wanted = [(entry, future) for entry, future in group if future.set_running_or_notify_cancel()]
            if wanted:
                self._write(wanted)

    def _next_group(self) -> list[tuple[Entry, Future[None]]]:
        """The next entries to write; empty when the writer is closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            full = min(self._max_entries, self._capacity)
            self._changed.wait_for(lambda: self._closed or len(self._queue) >= full, timeout=self._gather_s)
            group = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_entries))]
            self._changed.notify_all()
            return group

    def _write(self, group: Sequence[tuple[Entry, Future[None]]]) -> None:
        try:
            self._commit([entry for entry, _ in group])
        except Exception as error:  # noqa: BLE001  # handed to those who wait; the thread must outlive any failure
            for _, future in group:
                future.set_exception(error)
            return
        for _, future in group:
            future.set_result(None)
