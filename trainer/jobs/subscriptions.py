"""Telling any number of watchers what happened, from whatever thread it happened in."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Subscribers(Generic[T]):
    """The watchers of one topic.

    Callbacks run one at a time, in the order of what happened, in the thread that published, with the lock held: they
    must return at once (`loop.call_soon_threadsafe(queue.put_nowait, event)`) and must not call back here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # makes replay + registration one step against publishing: no gap, no duplicate
        self._callbacks: dict[object, Callable[[T], object]] = {}

    def subscribe(
        self, callback: Callable[[T], object], replay: Callable[[], Iterable[T]] = tuple
    ) -> Callable[[], None]:
        """Call back for everything that `replay()` returns, then for everything published; return how to stop.

        `replay` runs with the lock held, so that nothing is published between its end and the registration.
        """
        key = object()
        with self._lock:
            for event in replay():
                callback(event)
            self._callbacks[key] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return unsubscribe

    def publish(self, make: Callable[[], T | None]) -> T | None:
        """Make an event, tell every watcher, and return it; nobody is told of None.

        `make` records the event where `replay` will find it; it runs with the lock held.
        """
        with self._lock:
            event = make()
            if event is None:
                return None
            for callback in list(self._callbacks.values()):
                try:
                    callback(event)
                except Exception:  # noqa: BLE001 - one broken watcher must not stop the work or the others
                    _log.exception("a watcher failed")
            return event

    def __len__(self) -> int:
        with self._lock:
            return len(self._callbacks)
