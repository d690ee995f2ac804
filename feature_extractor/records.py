"""The bytes of a cache value: a body followed by the CRC-32C of key and body, four bytes little-endian.

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

Vector = npt.NDArray[np.float32]
"""A bottleneck vector, float32[dimensions]."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one picture.

    Attributes:
        digest: SHA-256 of the picture's bytes as received, 32 raw bytes.
        vector: float32[dimensions].
        preview: a small JPEG; empty means that there is none to store.
    """

    digest: bytes
    vector: Vector
    preview: bytes = b""


def seal(key: bytes, body: bytes) -> bytes:
    """The body with its checksum behind it."""
    return body + _checksum(key, body)


def unseal(key: bytes, value: bytes) -> bytes | None:
    """The body of a stored value; None if its checksum does not hold."""
    body = value[:-CRC_BYTES]
    return body if len(value) >= CRC_BYTES and value[-CRC_BYTES:] == _checksum(key, body) else None


def pack_vector(key: bytes, vector: Vector) -> bytes:
    """float32[dimensions] -> little-endian bytes and checksum."""
    return seal(key, vector.astype(STORED_DTYPE, copy=False).tobytes())


def unpack_vector(key: bytes, value: bytes, dimensions: int) -> Vector | None:
    """A read-only float32[dimensions] over the stored bytes; None if the length or the checksum is wrong."""
    if len(value) != dimensions * STORED_DTYPE.itemsize + CRC_BYTES:
        return None
    body = unseal(key, value)
    return None if body is None else np.frombuffer(body, dtype=STORED_DTYPE)


def _checksum(key: bytes, body: bytes) -> bytes:
    crc: int = google_crc32c.extend(google_crc32c.value(key), body)
    return crc.to_bytes(CRC_BYTES, "little")
