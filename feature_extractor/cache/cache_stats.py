"""What the cache tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FingerprintUse:
    """What the cache holds of one trunk.

    Attributes:
        fingerprint: 16 raw bytes.
        vectors: vectors of it, extra views included.
        last_use_s: when one of them was last written or read, in seconds since 1970 UTC; None if that is not known.
    """

    fingerprint: bytes
    vectors: int
    last_use_s: int | None


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The cache at one moment; hits, misses, corrupt, refused and evicted count since the start.

    Attributes:
        entries: vectors of this cache's fingerprint.
        entries_total: vectors of all fingerprints.
        fingerprints: each fingerprint that has vectors, in their order.
        previews: previews kept.
        bytes_used: bytes of the pages that hold data; this is what the size limit bounds.
        file_bytes: bytes of the file, pages free for reuse included.
        size_limit_bytes: at it the least recently used make room.
        map_bytes: address space reserved; costs neither memory nor disk.
        hits: vectors served.
        misses: vectors asked for that were not there or were corrupt.
        corrupt: values found with a wrong checksum or length.
        refused: entries that could not be written.
        evicted: vectors dropped to make room or on request.
    """

    entries: int
    entries_total: int
    fingerprints: tuple[FingerprintUse, ...]
    previews: int
    bytes_used: int
    file_bytes: int
    size_limit_bytes: int
    map_bytes: int
    hits: int
    misses: int
    corrupt: int
    refused: int
    evicted: int
