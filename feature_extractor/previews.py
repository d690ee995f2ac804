"""The preview of a picture: a small JPEG, so that pages can show again what was sent."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from feature_extractor.orientation import turn

if TYPE_CHECKING:
    from PIL.Image import Transpose

PREVIEW_SIZE_PX = 256
"""Longer side of a preview in pixels; smaller pictures are not enlarged."""

_QUALITY = 85
_REDUCING_GAP = 2.0  # box-shrink to twice the size first: 4x cheaper on big pictures, not visible in a preview


def encode_preview(opaque: Image.Image, turned: Transpose | None) -> bytes:
    """A JPEG of at most 256 px on its longer side of an L or RGB picture, aspect kept, turned upright."""
    scale = min(1.0, PREVIEW_SIZE_PX / max(opaque.size))
    size = (max(1, round(opaque.width * scale)), max(1, round(opaque.height * scale)))
    small = opaque
    if size != opaque.size:
        small = opaque.resize(size, Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    buffer = io.BytesIO()
    turn(small, turned).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
