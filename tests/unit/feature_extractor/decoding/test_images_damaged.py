"""Damage among the pixels: refused where the format keeps a checksum of them, otherwise decoded as it stands."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from feature_extractor.decoding.images import DecodeLimits, decode
from graft.errors import InvalidArgumentError

LIMITS = DecodeLimits()


def encoded(kind: str, **options: Any) -> bytes:
    """A picture's bytes in a format: the same noise each time, as what a wrong bit does depends on its place."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind, **options)
    return buffer.getvalue()


def flipped(content: bytes) -> bytes:
    """The file with one bit flipped in the middle, which lies among its pixels."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {"compression": "tiff_adobe_deflate"})])
def test_damage_is_found_by_a_checksum(kind: str, options: dict[str, Any]) -> None:
    """Where pixels carry a checksum, one wrong bit is enough to be refused."""
    with pytest.raises(InvalidArgumentError) as caught:
        decode(flipped(encoded(kind, **options)), LIMITS)
    assert caught.value.reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PPM", "TIFF"])
def test_damage_without_a_checksum_is_not_found(kind: str) -> None:
    """Where pixels carry none, a wrong bit is decoded as it stands, as docs/pictures.md says."""
    content = encoded(kind)
    assert not np.array_equal(decode(flipped(content), LIMITS).pixels, decode(content, LIMITS).pixels)


def test_jpeg_with_an_end_put_in_is_taken() -> None:
    """An end marker behind half of a JPEG passes for its end, as docs/pictures.md says."""
    content = encoded("JPEG")
    assert decode(content[: len(content) // 2] + b"\xff\xd9", LIMITS)
