"""A large picture strip by strip, so that work on it needs no second copy of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STRIP_PIXELS = 2**20
"""Pixels of a strip, about: 4 MiB in Pillow's storage, so that the temporaries stay in the processor's cache."""


def strips_of(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """The boxes (left, top, right, bottom) that cover a picture of width and height `size` from top to bottom."""
    width, height = size
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(height, top + rows)
