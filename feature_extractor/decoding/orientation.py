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

# What undoes a turn: swap the axes, then count from the right, then from the bottom. A quarter turn clockwise, which is
# Pillow's 270 degrees, brings the left to the top: the top of the upright picture is the left of the stored one.
_UNDONE: dict[Image.Transpose | None, tuple[bool, bool, bool]] = {
    Image.Transpose.FLIP_LEFT_RIGHT: (False, True, False),
    Image.Transpose.ROTATE_180: (False, True, True),
    Image.Transpose.FLIP_TOP_BOTTOM: (False, False, True),
    Image.Transpose.TRANSPOSE: (True, False, False),
    Image.Transpose.ROTATE_270: (True, False, True),
    Image.Transpose.TRANSVERSE: (True, True, True),
    Image.Transpose.ROTATE_90: (True, True, False),
}
_NOTHING = (False, False, False)


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


def turned_size(size: tuple[int, int], how: Image.Transpose | None) -> tuple[int, int]:
    """Width and height after the turn."""
    swapped, _, _ = _UNDONE.get(how, _NOTHING)
    return size[::-1] if swapped else size


def stored_box(
    upright: tuple[float, float, float, float], how: Image.Transpose | None
) -> tuple[float, float, float, float]:
    """Where a box of the upright picture lies in the stored one; (left, top, right, bottom) as fractions of each."""
    left, top, right, bottom = upright
    swapped, from_right, from_bottom = _UNDONE.get(how, _NOTHING)
    if swapped:
        left, top, right, bottom = top, left, bottom, right
    if from_right:
        left, right = 1 - right, 1 - left
    if from_bottom:
        top, bottom = 1 - bottom, 1 - top
    return left, top, right, bottom
