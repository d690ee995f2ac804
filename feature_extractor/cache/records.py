"""What the cache stores and the seal on every value: CRC-32C over key and body, four bytes little-endian behind it.

The key is under the checksum too: a damaged page that leads to another picture's intact value is found out.
The polynomial is Castagnoli's (RFC 3720, appendix B.4): no single-bit flip and no burst of up to 32 bits escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import google_crc32c
import numpy as np
import numpy.typing as npt

STORED_DTYPE = np.dtype("<f4")
CRC_BYTES = 4
DIGEST_BYTES = 32
FINGERPRINT_BYTES = 16
# What a CRC-32C register holds after any message followed by its own checksum, little-endian: a property of the
# polynomial, which makes the check of a value one pass without cutting the value up.
_RESIDUE = 0x48674BC7

Vector = npt.NDArray[np.float32]
"""A bottleneck vector, float32[dimensions]."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one picture or of one extra view of it.

    Attributes:
        key: SHA-256 of the picture's bytes as received, 32 raw bytes; for an extra view followed by 8 that name it.
        vector: float32[dimensions].
        preview: a small JPEG, kept under the digest; empty means that there is none to store.
    """

    key: bytes
    vector: Vector
    preview: bytes = b""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the picture's bytes."""
        return self.key[:DIGEST_BYTES]


def seal(key: bytes, body: bytes) -> bytes:
    """The body with its checksum behind it."""
    crc: int = google_crc32c.extend(google_crc32c.value(key), body)
    return body + crc.to_bytes(CRC_BYTES, "little")


def is_sound(key: bytes, value: bytes) -> bool:
    """Whether a stored value is what was stored under this key."""
    return len(value) >= CRC_BYTES and google_crc32c.extend(google_crc32c.value(key), value) == _RESIDUE


def unseal(key: bytes, value: bytes) -> bytes | None:
    """The body of a stored value; None if its checksum does not hold."""
    return value[:-CRC_BYTES] if is_sound(key, value) else None
