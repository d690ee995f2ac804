"""The preview of a picture: a small JPEG, so that pages can show again what was sent."""

from __future__ import annotations

import io

from PIL import Image

from feature_extractor.decoding.orientation import turn, turned_size

PREVIEW_SIZE_PX = 256
"""Longer side of a preview in pixels; smaller pictures are not enlarged."""

_QUALITY = 85


def encode_preview(opaque: Image.Image, turned: Image.Transpose | None, square: Image.Image) -> bytes:
    """A JPEG of at most 256 px on its longer side of an L or RGB picture, aspect kept, turned upright.

    A picture that has to be reduced is reduced from its upright square of 299 px, which is larger than any preview:
    half the cost of going through the whole picture again. Hamming's filter gives back what the first one blurred.
    """
    width, height = turned_size(opaque.size, turned)
    scale = PREVIEW_SIZE_PX / max(width, height)
    if scale >= 1:
        small = turn(opaque, turned)
    else:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = square.resize(size, Image.Resampling.HAMMING)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY, comment=b"")  # Pillow would pass on the picture's own comment
    return buffer.getvalue()
