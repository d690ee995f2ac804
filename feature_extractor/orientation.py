"""EXIF orientation: how a picture has to be turned to stand upright."""

from __future__ import annotations

from PIL import ExifTags, Image

# EXIF 2.3, table 6: what undoes each stored orientation; 1 and unknown numbers need nothing.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """The turn that stands a loaded picture upright, None when it already does."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  # a broken EXIF block raises anything, and is no reason to refuse good pixels
        return None
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def turn(image: Image.Image, how: Image.Transpose | None) -> Image.Image:
    """The picture turned, itself when there is nothing to do."""
    return image if how is None else image.transpose(how)
