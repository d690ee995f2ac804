"""Whose turn it is to compute: jobs and analyses want the same cores and much memory, so one goes at a time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graft.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK_S = 0.2


class Slot:
    """One place for whoever computes; a context for as long as that takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait for the place and hold it.

        Args:
            cancelled: asked a few times a second while waiting.

        Raises:
            CancelledError: `cancelled` said so.
        """
        while not self._lock.acquire(timeout=_LOOK_S):
            if cancelled():
                raise CancelledError("cancelled while it waited for its turn", reason="JOB_CANCELLED")
        try:
            yield
        finally:
            self._lock.release()
