"""The bytes of a stored vector: its float32 values, for some lengths the last few of them in sign bits to save a page.

LMDB keeps a value of this size in whole pages of its own. Of 2048 values with their checksum, 8196 bytes, 20 would
spill into a third page. Bottleneck vectors are averages after a ReLU and never negative, so their sign bits carry
nothing: the bits of the last 5 values travel in the sign bits of the first 160, and the vector fits two pages, bit for
bit.

raw     4 * dimensions                  the values, little-endian
folded  4 * (dimensions - folded)       the values but the last `folded`, whose bits are in the sign bits in front

The length tells the two apart. A vector with a sign bit set where bits would go is stored raw.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_extractor.cache.records import CRC_BYTES, STORED_DTYPE, Vector, is_sound, seal

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = np.dtype("<u4")
_WORD_BYTES = 4
_WORD_BITS = 32
_SIGN_SHIFT = np.uint32(31)
_MAGNITUDE = np.uint32(0x7FFFFFFF)
# Pages of most hosts, and LMDB's header at the start of a run of them. On a host with larger pages folding saves less
# or nothing; it is decided by these constants all the same, so that a length means the same everywhere.
_PAGE_BYTES = 4096
_PAGE_HEADER_BYTES = 16


@lru_cache
def folded_values(dimensions: int) -> int:
    """How many values at the end of a vector are folded into sign bits; 0 where that saves no page."""
    run_bytes = _PAGE_HEADER_BYTES + _WORD_BYTES * dimensions + CRC_BYTES
    spilt = run_bytes - _PAGE_BYTES * ((run_bytes - 1) // _PAGE_BYTES)  # bytes in the last page of the run
    folded = -(-spilt // _WORD_BYTES)
    return folded if run_bytes > _PAGE_BYTES and (_WORD_BITS + 1) * folded <= dimensions else 0


@lru_cache
def stored_lengths(dimensions: int) -> frozenset[int]:
    """Lengths in bytes that a value of this many dimensions may have."""
    return frozenset(_WORD_BYTES * (dimensions - fold) + CRC_BYTES for fold in (0, folded_values(dimensions)))


def related_lengths(length: int) -> frozenset[int]:
    """Lengths in bytes that values may have whose vectors are as long as that of a value of this length."""
    words = (length - CRC_BYTES) // _WORD_BYTES
    possible = (
        stored_lengths(dimensions) for dimensions in range(words, words + words // _WORD_BITS + 2) if dimensions
    )
    return frozenset[int]().union(*(lengths for lengths in possible if length in lengths))


def pack_vector(key: bytes, vector: Vector) -> bytes:
    """float32[dimensions] -> its stored value, sealed under the key."""
    words = np.ascontiguousarray(vector, dtype=STORED_DTYPE).view(_WORD)  # uint32[dimensions]
    folded = folded_values(len(words))
    carriers = _WORD_BITS * folded
    if not folded or (words[:carriers] >> _SIGN_SHIFT).any():
        return seal(key, words.tobytes())
    body = words[:-folded].copy()
    bits = np.unpackbits(words[-folded:].view(np.uint8), bitorder="little")  # uint8[carriers]
    body[:carriers] |= bits.astype(_WORD) << _SIGN_SHIFT
    return seal(key, body.tobytes())


def is_vector(key: bytes, value: bytes, dimensions: int) -> bool:
    """Whether `unpack_vectors` would give this value's vector."""
    return len(value) in stored_lengths(dimensions) and is_sound(key, value)


def unpack_vectors(keys: Sequence[bytes], values: Sequence[bytes | None], dimensions: int) -> list[Vector | None]:
    """A read-only float32[dimensions] for each value; None where it is None or its length or checksum is wrong."""
    vectors: list[Vector | None] = [None] * len(keys)
    raw_bytes = _WORD_BYTES * dimensions + CRC_BYTES
    folded_at: list[int] = []
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        if value is None or not is_vector(key, value, dimensions):
            continue
        if len(value) == raw_bytes:
            vectors[index] = np.frombuffer(value, dtype=STORED_DTYPE, count=dimensions)
        else:
            folded_at.append(index)
    if folded_at:
        stored = b"".join(value for index in folded_at if (value := values[index]) is not None)
        for index, vector in zip(folded_at, _unfold(stored, len(folded_at), dimensions), strict=True):
            vectors[index] = vector
    return vectors


def _unfold(stored: bytes, count: int, dimensions: int) -> Vector:
    """The folded values of `count` vectors, one after another -> read-only float32[count, dimensions]."""
    folded = folded_values(dimensions)
    kept, carriers = dimensions - folded, _WORD_BITS * folded
    rows = np.frombuffer(stored, dtype=_WORD).reshape(count, kept + CRC_BYTES // _WORD_BYTES)
    words: npt.NDArray[np.uint32] = np.empty((count, dimensions), dtype=_WORD)
    words[:, :kept] = rows[:, :kept]
    bits = (words[:, :carriers] >> _SIGN_SHIFT).astype(np.uint8)
    words[:, kept:] = np.packbits(bits, axis=1, bitorder="little").view(_WORD)
    words[:, :carriers] &= _MAGNITUDE
    words.flags.writeable = False
    return words.view(STORED_DTYPE)
