"""When to try an interrupted stream again: bounded, with growing pauses, starting over after each progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a stream is with a service that is away.

    The defaults wait about a minute in all: a restarted extractor loads its network in ten to twenty seconds.

    Attributes:
        attempts: tries in a row without progress that are followed by another one.
        initial_s: the first pause, in seconds; each is twice the one before.
        longest_s: the longest pause, in seconds.
    """

    attempts: int = 10
    initial_s: float = 0.5
    longest_s: float = 8.0


class Backoff:
    """Counts tries in a row that failed."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failed = 0

    def progressed(self) -> None:
        """Start over: something was acknowledged."""
        self._failed = 0

    def pause_s(self, error: UnavailableError) -> float:
        """Return how long to wait before the next try, in seconds: the server's wish, if it is longer.

        Raises:
            UnavailableError: `error` itself, after the last try.
        """
        if self._failed >= self._policy.attempts:
            raise error
        pause = min(self._policy.initial_s * 2.0**self._failed, self._policy.longest_s)
        self._failed += 1
        return max(pause, error.retry_after_s)
