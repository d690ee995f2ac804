"""The entries of many LMDB pages at once, each checked to lie within its page.

Layout (LMDB 0.9, little-endian, 64 bits)
    page    number u64, pad u16, kind u16, lower u16, upper u16; then offsets of entries, u16 each, up to lower
    entry   low u16, high u16, flags u16, key length u16, key; then the value of (high, low) bytes, or, flagged BIG,
            the first page of the run that it has to itself, u64
            on a branch page (flags, high, low) is the number of the child and there is no value
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

HEADER_BYTES = 16
BRANCH, LEAF = 1, 2
BIG, TREE = 1, 2
_ENTRY_BYTES, _NUMBER_BYTES = 8, 8
_KIND, _LOWER, _UPPER, _OFFSETS = 5, 6, 7, 8  # places in a page in steps of two bytes
_MAX_KEY_BYTES = 511


class DamagedError(Exception):
    """The file's structure is damaged; the message says where."""


class PageEntries:
    """The entries of some pages of one kind.

    Args:
        pages: uint8[n, bytes of a page].
        numbers: their numbers, int64[n].
        kind: BRANCH or LEAF.

    Raises:
        DamagedError: a page is not of this number and kind, or an entry does not lie within it.
    """

    def __init__(self, pages: Bytes, numbers: Numbers, kind: int) -> None:
        self._page_bytes = pages.shape[1]
        self._bytes = pages.reshape(-1)
        words = pages.view("<u2")
        lower, upper = words[:, _LOWER].astype(np.int64), words[:, _UPPER].astype(np.int64)
        counts = (lower - HEADER_BYTES) // 2
        sound = (
            (pages[:, :_NUMBER_BYTES].copy().view("<u8")[:, 0] == numbers.astype(np.uint64))
            & (words[:, _KIND] == kind)
            & (counts >= (2 if kind == BRANCH else 1))
            & (lower % 2 == 0)
            & (lower <= upper)
            & (upper <= self._page_bytes)
        )
        _refuse(sound, numbers, "is not what it should be")
        rows = np.repeat(np.arange(len(numbers)), counts)
        columns = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = words[rows, _OFFSETS + columns].astype(np.int64)
        sound = (places >= upper[rows]) & (places % 2 == 0) & (places + _ENTRY_BYTES <= self._page_bytes)
        _refuse(sound, numbers[rows], "has an entry outside itself")
        self._begins = rows * self._page_bytes + places
        low, high, self._flags, keys = (
            words.reshape(-1)[self._begins // 2 + column].astype(np.int64) for column in range(4)
        )
        self._sizes = low | high << 16
        self._bodies = self._begins + _ENTRY_BYTES + keys
        ends = places + _ENTRY_BYTES + keys
        if kind == LEAF:
            ends += np.where(self._flags == BIG, _NUMBER_BYTES, self._sizes)
            sound = (self._flags <= TREE) & (keys > 0) & (keys <= _MAX_KEY_BYTES)
            _refuse(sound, numbers[rows], "has an entry of an unknown kind")
        _refuse(ends <= self._page_bytes, numbers[rows], "has an entry that does not fit")

    def __len__(self) -> int:
        return len(self._begins)

    def children(self) -> Numbers:
        """Of branch pages: the pages below, int64[entries]."""
        children: Numbers = self._sizes | self._flags << 32
        return children

    def runs(self) -> tuple[Numbers, Numbers]:
        """Of leaf pages: first page and number of pages of each value that has its own, int64[values] each."""
        big = self._flags == BIG
        return self._firsts(big), -(-(HEADER_BYTES + self._sizes[big]) // self._page_bytes)

    def values(self) -> list[tuple[int, int, bytes]]:
        """Of leaf pages: flags, size and value of each entry; of a BIG one the number of its first page instead."""
        return [
            (flags, size, self._bytes[body : body + (_NUMBER_BYTES if flags == BIG else size)].tobytes())
            for flags, size, body in zip(self._flags.tolist(), self._sizes.tolist(), self._bodies.tolist(), strict=True)
        ]

    def _firsts(self, big: npt.NDArray[np.bool_]) -> Numbers:
        at = self._bodies[big][:, None] + np.arange(_NUMBER_BYTES)
        firsts: Numbers = self._bytes[at].view("<u8")[:, 0].astype(np.int64)
        return firsts


def _refuse(sound: npt.NDArray[np.bool_], numbers: Numbers, what: str) -> None:
    if not sound.all():
        raise DamagedError(f"page {numbers[~sound][0]} {what}")
