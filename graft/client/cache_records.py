"""What the extractor's cache holds, and how a check or an eviction of it goes, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class FingerprintStats:
    """What the cache holds of one trunk.

    Attributes:
        fingerprint: 16 bytes naming the trunk.
        vectors: its vectors, extra views included.
        last_use_time: when one of them was last written or read, to within some minutes, UTC; None if nobody knows.
    """

    fingerprint: bytes
    vectors: int
    last_use_time: datetime | None

    @property
    def fingerprint_hex(self) -> str:
        """The fingerprint in hexadecimal."""
        return self.fingerprint.hex()


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The state of the extractor's cache; hits, misses, corrupt, computed and evicted count since its start.

    Attributes:
        fingerprint: 16 bytes, the trunk that is served.
        vectors: vectors stored, of all fingerprints, extra views included.
        previews: previews stored.
        used_bytes: bytes in use on disk.
        limit_bytes: the limit on `used_bytes`; at it the least recently used entries make room.
        file_bytes: bytes of the file, free pages included; it never shrinks.
        hits: pictures and look-ups answered from the cache.
        misses: pictures and look-ups not found in it.
        corrupt: entries whose checksum failed.
        computed: pictures that went through the trunk.
        evicted: vectors dropped to make room or because somebody asked for it.
        fingerprints: what is stored of each trunk, by fingerprint.
    """

    fingerprint: bytes
    vectors: int
    previews: int
    used_bytes: int
    limit_bytes: int
    file_bytes: int
    hits: int
    misses: int
    corrupt: int
    computed: int
    evicted: int
    fingerprints: tuple[FingerprintStats, ...]


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a check of the whole cache is; the last one is its result.

    Attributes:
        checked: entries read so far: vectors and previews.
        total: entries there were when the check began.
        dropped: entries dropped so far because their checksum or length was wrong; they will be computed again.
    """

    checked: int
    total: int
    dropped: int


@dataclass(frozen=True, slots=True)
class EvictProgress:
    """How far an eviction is; the last one is its result.

    Attributes:
        evicted_vectors: vectors dropped so far.
        evicted_previews: previews dropped so far.
        used_bytes: bytes in use on disk now.
    """

    evicted_vectors: int
    evicted_previews: int
    used_bytes: int
