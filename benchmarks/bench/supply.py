"""Pictures for the load generator: ones that nobody has seen, without end, and a known set that may be cached."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bench.pictures import variant

if TYPE_CHECKING:
    from collections.abc import Sequence


class Supply:
    """Variants of a few hundred pictures: the same work for whoever decodes them, each under a digest of its own.

    Args:
        contents: the pictures, JPEGs.
        first: number of the first new picture; two generators need ranges that do not meet.
    """

    def __init__(self, contents: Sequence[bytes], first: int) -> None:
        self._contents = contents
        self._next = first

    def new(self) -> bytes:
        """A picture that was never given out before."""
        self._next += 1
        return self._variant(self._next)

    def known(self, index: int) -> bytes:
        """Picture `index` of the known set, always the same."""
        return self._variant(index)

    def known_digests(self, count: int) -> list[bytes]:
        """SHA-256 of the first `count` pictures of the known set."""
        return [hashlib.sha256(self.known(index)).digest() for index in range(count)]

    def take(self, count: int, known: int = 0, turn: int = 0) -> list[bytes]:
        """`count` new pictures, or, of a known set of `known`, the ones whose turn it is."""
        if not known:
            return [self.new() for _ in range(count)]
        return [self.known((turn * count + index) % known) for index in range(count)]

    def _variant(self, number: int) -> bytes:
        return variant(self._contents[number % len(self._contents)], number)
