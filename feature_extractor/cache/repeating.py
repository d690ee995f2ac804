"""A thread that does some small work of the cache's again and again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Repeating:
    """Does some work again and again in a thread of its own, which must not raise, until it is stopped.

    Args:
        work: what to do.
        every_s: seconds between, and before the first.
        name: of the thread.
        at_once: do it for the first time right away.
    """

    def __init__(self, work: Callable[[], None], *, every_s: float, name: str, at_once: bool = False) -> None:
        self._work = work
        self._every_s = every_s
        self._first_s = 0.0 if at_once else every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Return when the work is done for the last time; again does nothing."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._stop.wait(wait_s):
            self._work()
            wait_s = self._every_s
