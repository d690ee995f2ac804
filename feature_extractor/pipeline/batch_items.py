"""One picture in a batch: what waits for the trunk, and what is told to whoever waits for it."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.cache.records import Vector

Pixels = npt.NDArray[np.uint8]
"""One decoded picture, uint8[299, 299, 3], or a batch of them, uint8[n, 299, 299, 3]."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What the trunk made of a picture.

    Attributes:
        vector: read-only float32[d].
        waited_s: how long the picture waited for its batch, in seconds.
        trunk_s: how long the batch took, in seconds.
    """

    vector: Vector
    waited_s: float
    trunk_s: float


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that waits for the trunk.

    Attributes:
        pixels: uint8[299, 299, 3].
        wanted: whether somebody still wants it; may take locks.
        token: what it is hastened by.
        queued_at: since when it waits, in seconds of the batcher's clock.
        future: gives what the trunk made of it.
    """

    pixels: Pixels
    wanted: Callable[[], bool]
    token: object
    queued_at: float
    future: Future[Ran]

    def claim(self) -> bool:
        """Whether it is wanted still, and from now on cannot be cancelled; else it is cancelled."""
        if not self.wanted():
            self.future.cancel()
        return self.future.set_running_or_notify_cancel()


def stacked(batch: Sequence[Item]) -> Pixels:
    """Their pixels, uint8[n, 299, 299, 3]; of a single one not copied."""
    return batch[0].pixels[np.newaxis] if len(batch) == 1 else np.stack([item.pixels for item in batch])


def answer(batch: Sequence[Item], vectors: Vector, started: float, seconds: float) -> None:
    """Give each its row of float32[n, d], computed from `started` on in so many seconds."""
    for item, row in zip(batch, vectors, strict=True):
        vector = row.copy()  # a view would keep the whole batch alive
        vector.flags.writeable = False
        item.future.set_result(Ran(vector, started - item.queued_at, seconds))


def fail(items: Sequence[Item], error: Exception) -> None:
    """Those that have no answer yet get the error."""
    for item in items:
        with suppress(InvalidStateError):  # answered or cancelled already
            item.future.set_exception(error)
