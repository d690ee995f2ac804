"""Counts events from many threads: named counters under one lock, read as one consistent snapshot."""

from __future__ import annotations

import threading


class Tally:
    """Thread-safe counters; an unknown name is a KeyError, so that a misspelt event cannot vanish."""

    def __init__(self, *names: str) -> None:
        # Invariant: every read and write of _counts happens under _lock.
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(names, 0)

    def add(self, name: str, count: int = 1) -> None:
        """Add `count` events of this name."""
        with self._lock:
            self._counts[name] += count

    def snapshot(self) -> dict[str, int]:
        """All counters at one moment."""
        with self._lock:
            return dict(self._counts)
