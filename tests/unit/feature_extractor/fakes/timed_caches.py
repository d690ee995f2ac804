"""Caches whose clock is set by hand, in one directory, one after another; and pictures to put into them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import lmdb.verify
import numpy as np

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FINGERPRINT, OTHER = b"f" * 16, b"g" * 16
DIMENSIONS = 768
LIMIT = 4 << 20


class Clock:
    """Seconds since 1970, set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """What time it is."""
        return self.now


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


def entry(number: int, view: bytes = b"") -> Entry:
    """What a picture's number makes of it."""
    return Entry(digest(number) + view, np.full(DIMENSIONS, number, np.float32), b"a picture" * 50)


def stored(cache: FeatureCache, numbers: Sequence[int]) -> list[int]:
    """Those of the pictures whose vector is there, each its own; asking counts as a use."""
    vectors = cache.get_many([digest(number) for number in numbers])
    for number, vector in zip(numbers, vectors, strict=True):
        assert vector is None or (vector == number).all()
    return [number for number, vector in zip(numbers, vectors, strict=True) if vector is not None]


def fill(cache: FeatureCache, clock: Clock, numbers: Sequence[int], group: int = 50) -> None:
    """Write pictures in groups, a second after each other."""
    for start in range(0, len(numbers), group):
        cache.put_many([entry(number) for number in numbers[start : start + group]])
        clock.now += 1


class TimedCaches:
    """Opens caches in one directory; opening one closes the one before.

    Attributes:
        clock: what all of them go by.
    """

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self._directory = directory
        self._opened: FeatureCache | None = None

    def open(self, fingerprint: bytes = FINGERPRINT, limit: int = LIMIT) -> FeatureCache:
        """A cache of this trunk with this size limit."""
        if self._opened is not None:
            self._opened.close()
        self._opened = FeatureCache(
            self._directory,
            fingerprint=fingerprint,
            dimensions=DIMENSIONS,
            size_limit_bytes=limit,
            map_bytes=1 << 28,
            clock=self.clock,
        )
        return self._opened

    def close(self) -> None:
        """Close the last one, and look whether its file is sound."""
        if self._opened is not None:
            self._opened.close()
        assert lmdb.verify.verify(str(self._directory)) == []
