"""Something that a fake can be held up at."""

from __future__ import annotations

import threading

SOON_S = 10.0
"""Longer than anything here takes, in seconds: past it a test has failed."""


class Gate:
    """Something to wait for: open from the start, or shut until `open`."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self._open = threading.Event()
        self._open.set()

    def shut(self) -> None:
        """Hold up whoever comes from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let everybody pass."""
        self._open.set()

    def pass_through(self) -> None:
        """Tell that somebody has come, and wait until it is open."""
        self.arrived.release()
        assert self._open.wait(SOON_S)

    def await_arrival(self) -> None:
        """Wait until somebody has come."""
        assert self.arrived.acquire(timeout=SOON_S)
