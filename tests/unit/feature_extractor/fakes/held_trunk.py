"""A trunk that can be held up, and what the batcher's tests ask of it."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np
from gates import SOON_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from feature_extractor.cache.records import Vector
    from feature_extractor.pipeline.batch_items import Pixels, Ran
    from feature_extractor.pipeline.batcher import Batcher


def picture(value: int) -> Pixels:
    """A picture of one colour; its size is of no concern to the batcher."""
    return np.full((2, 2, 3), value, np.uint8)


def wanted() -> bool:
    """Somebody waits for it."""
    return True


class Trunk:
    """Gives each picture's mean twice; can be held up and told to fail; remembers its batches."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.failure: Exception | None = None
        self.short = False
        self.entered = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        self._held = held

    def __call__(self, images: Pixels) -> Vector:
        """uint8[n, 2, 2, 3] -> float32[n, 2]."""
        self.batches.append(images[:, 0, 0, 0].tolist())
        self.entered.release()
        if self._held:
            assert self._go.acquire(timeout=SOON_S)
        if self.failure is not None:
            raise self.failure
        means = images.mean(axis=(1, 2, 3), dtype=np.float32)
        return np.stack([means, means], axis=1)[: 1 if self.short else None]

    def allow(self, batches: int) -> None:
        """Let this many batches pass."""
        self._go.release(batches)

    def await_entry(self) -> None:
        """Wait until a batch is in it."""
        assert self.entered.acquire(timeout=SOON_S)


def busy(batcher: Batcher, trunk: Trunk) -> Future[Ran]:
    """Give a held trunk one picture and wait until it is in it."""
    future = batcher.submit(picture(0), wanted)
    trunk.await_entry()
    return future


def value_of(future: Future[Ran]) -> float:
    """What became of a picture of one colour."""
    return float(future.result(SOON_S).vector[0])


def slow_clock() -> Callable[[], float]:
    """A clock that is a million seconds on at each reading, so that every batch seems slow."""
    readings = itertools.count(step=10**6)
    return lambda: float(next(readings))


def frozen() -> float:
    """A clock that stands still: what batches cost is of no concern."""
    return 0.0
