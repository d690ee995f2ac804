"""Where pictures spend their time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feature_extractor.pipeline.lanes import Lane


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds one picture spent in each stage.

    Attributes:
        queue_s: waiting for admission, for a decoding thread, for a batch.
        decode_s: decoding and resizing.
        trunk_s: in the trunk, with the whole batch.
        cache_s: reading the cache and, where the caller waits for it, writing it.
    """

    queue_s: float = 0.0
    decode_s: float = 0.0
    trunk_s: float = 0.0
    cache_s: float = 0.0

    def __add__(self, other: Timings) -> Timings:
        return Timings(
            self.queue_s + other.queue_s,
            self.decode_s + other.decode_s,
            self.trunk_s + other.trunk_s,
            self.cache_s + other.cache_s,
        )


class Observer:
    """Told of each piece of work, from whatever thread did it; this one does nothing with it."""

    def queued(self, lane: Lane, seconds: float) -> None:
        """An input of the trunk waited this long before its batch began."""

    def decoded(self, seconds: float) -> None:
        """A picture was decoded."""

    def looked_up(self, seconds: float) -> None:
        """The cache was asked for all pictures of a message."""

    def written(self, seconds: float) -> None:
        """A vector is on disk, this long after it was computed."""
