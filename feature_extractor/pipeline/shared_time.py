"""What a batch costs a trunk that runs several at once."""

from __future__ import annotations


class SharedTime:
    """The time of a trunk, of which each of n batches that run at once uses 1/n; belongs to one thread at a time.

    Times are those of any clock that does not go back; one that is a little late, as where threads read it side by
    side, counts as the latest one.
    """

    def __init__(self) -> None:
        self.running = 0
        """Batches that run."""
        self._used = 0.0  # by a batch that would have run all the time
        self._latest = 0.0

    def begin(self, now: float) -> float:
        """Begin a batch; `end` wants what this returns."""
        self._advance(now)
        self.running += 1
        return self._used

    def end(self, begun: float, now: float) -> float:
        """End a batch; return the seconds of the trunk that it used: had it run alone, it would have taken so long."""
        self._advance(now)
        self.running -= 1
        return self._used - begun

    def _advance(self, now: float) -> None:
        if self.running:
            self._used += max(0.0, now - self._latest) / self.running
        self._latest = max(self._latest, now)
