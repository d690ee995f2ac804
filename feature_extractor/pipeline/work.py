"""What a computation works on, and what it sees of the parts around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from feature_extractor.cache.records import Vector
    from feature_extractor.decoding.views import View
    from feature_extractor.pipeline.batch_items import Pixels, Ran
    from feature_extractor.pipeline.flights import Flight


class DecodedPicture(Protocol):
    """What decoding gives: what the trunk sees of the picture and of its views, and a preview, a small JPEG."""

    @property
    def pixels(self) -> Pixels:
        """The picture as it is."""
        ...

    @property
    def views(self) -> Sequence[Pixels]:
        """A view for each distortion asked for."""
        ...

    @property
    def preview(self) -> bytes:
        """What people see."""
        ...


class VectorCache(Protocol):
    """The part of the cache that is read here."""

    def get_many(self, keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        """The vector or None for each key, in order; `counted` as hits and misses or not."""
        ...


class TrunkQueue(Protocol):
    """The batcher, as it is used here."""

    def submit(self, pixels: Pixels, wanted: Callable[[], bool], lane: Lane, token: object) -> Future[Ran]:
        """Queue one input."""
        ...

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Move those with such a token to the interactive lane."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One picture to compute, with the flights that need it.

    Attributes:
        flights: each with the view it is of, None for the picture as it is.
        content: the picture's bytes.
        landed: `Flights.landed` before the cache was asked for the picture.
        claimed_at: time.monotonic() when its waiting began.
        came_by: the lane of the call that claimed it.
    """

    flights: tuple[tuple[Flight, View | None], ...]
    content: bytes
    landed: int
    claimed_at: float
    came_by: Lane

    @property
    def lane(self) -> Lane:
        """The lane of the most urgent of them; another caller may raise it at any moment."""
        urgent = any(flight.lane is Lane.INTERACTIVE for flight, _ in self.flights)
        return Lane.INTERACTIVE if urgent else Lane.BULK
