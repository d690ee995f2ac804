"""Whose turn it is at the trunk: how many batches run at once, and when one more may begin."""

from __future__ import annotations


class Turns:
    """Counts the batches in the trunk and those about to begin; belongs to one thread at a time.

    Args:
        concurrency: batches run at once.
        reserve: batches more that run at once while a whole batch waits that must not be kept waiting.
    """

    def __init__(self, concurrency: int, reserve: int) -> None:
        self._concurrency, self._reserve = concurrency, reserve
        self.gathering = 0
        """Threads that have a turn and wait for company."""
        self.running = 0
        """Batches in the trunk."""

    @property
    def free(self) -> bool:
        """Whether a batch of any size may begin."""
        return self.running + self.gathering < self._concurrency

    @property
    def overflowing(self) -> bool:
        """Whether a whole batch may begin though none of any size may."""
        return not self.gathering and self._concurrency <= self.running < self._concurrency + self._reserve
