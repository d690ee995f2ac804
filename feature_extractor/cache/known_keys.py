"""Keys that were found stored, in memory, so that to ask for them again costs the same however large the cache is.

A look into LMDB's tree waits for memory at each step of the way down, which takes three times as long among a million
entries as among ten thousand. Here a key is eight bytes in one of the eight places of its bucket, a line of the
processor's cache, and many are looked for at once. The hash is Python's own, which nobody outside can aim at.

It is no list of all that is stored: what is not here must be looked for in the tree.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = 8
_FIRST_BUCKETS = 1 << 10
_MAX_BUCKETS = 1 << 21  # 128 MiB, good for some ten million keys
_PLACE_SHIFT = 60

Hashes = npt.NDArray[np.int64]
Found = npt.NDArray[np.bool_]


class KnownKeys:
    """A bounded set that may lose members; every method may be called from any thread.

    Args:
        max_buckets: of eight keys each, a power of 2; past half of the places others begin to be lost.
    """

    def __init__(self, max_buckets: int = _MAX_BUCKETS) -> None:
        self._max_buckets = max_buckets
        # Invariant: all are touched only under _lock. A place is 0 or a hash h in the bucket h mod len(_table); how
        # many were put there, the lost included, is _added.
        self._lock = threading.Lock()
        self._table: Hashes = np.zeros((min(_FIRST_BUCKETS, max_buckets), _PLACES), np.int64)
        self._added = 0
        self._discards = 0

    def find(self, keys: Sequence[bytes]) -> tuple[Found, int]:
        """Whether each is here, bool[n], and a number to pass on to `add` with what is found elsewhere after this."""
        hashes = _hashes(keys)
        with self._lock:
            rows = self._table[self._buckets(hashes)]  # int64[n, _PLACES]
            return (rows == hashes[:, None]).any(axis=1) & (hashes != 0), self._discards

    def add(self, keys: Sequence[bytes], found_after: int) -> None:
        """These were found stored, after `find` gave this number; not taken if any were discarded meanwhile."""
        hashes = _hashes(keys)
        with self._lock:
            if self._discards != found_after:
                return
            while self._added + len(keys) > len(self._table) * _PLACES // 2 and len(self._table) < self._max_buckets:
                self._grow()
            buckets = self._buckets(hashes)
            free = self._table[buckets] == 0
            places = np.where(free.any(axis=1), free.argmax(axis=1), hashes >> _PLACE_SHIFT & _PLACES - 1)
            self._table[buckets, places] = hashes
            self._added += len(keys)

    def discard(self, keys: Sequence[bytes]) -> None:
        """These are not stored any more; to be called when that can be seen."""
        hashes = _hashes(keys)
        with self._lock:
            self._discards += 1
            buckets = self._buckets(hashes)
            which, places = np.nonzero(self._table[buckets] == hashes[:, None])
            self._table[buckets[which], places] = 0
            self._added = max(self._added - len(which), 0)

    def _buckets(self, hashes: Hashes) -> Hashes:
        buckets: Hashes = hashes & len(self._table) - 1
        return buckets

    def _grow(self) -> None:
        """Twice the buckets: a key stays in its own, or goes to that of as many more, by one bit of its hash."""
        moved = (self._table & len(self._table)) != 0
        self._table = np.concatenate([np.where(moved, 0, self._table), np.where(moved, self._table, 0)])


def _hashes(keys: Sequence[bytes]) -> Hashes:
    return np.fromiter(map(hash, keys), np.int64, len(keys))
