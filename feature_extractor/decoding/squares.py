"""From a flat picture to the trunk's input: the whole of it, or one of its views, in one resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from feature_extractor.decoding.orientation import stored_box, turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from feature_extractor.decoding.views import Distortion

INPUT_SIZE_PX = 299
"""Width and height of the trunk's input in pixels."""

_SIZE = (INPUT_SIZE_PX, INPUT_SIZE_PX)
_WHITE = 255


def whole(opaque: Image.Image, turned: Image.Transpose | None) -> Image.Image:
    """All of an L or RGB picture at 299x299, antialiased bilinear, upright; its aspect ratio is not kept."""
    # Turning the small square gives what resizing the turned picture would, for a fraction of the memory traffic.
    return turn(opaque.resize(_SIZE, Image.Resampling.BILINEAR), turned)


def view(opaque: Image.Image, turned: Image.Transpose | None, distortion: Distortion) -> NDArray[np.uint8]:
    """uint8[299, 299, 3]: the box of the upright picture, resized as the whole is, mirrored and brightened."""
    upright = (distortion.left, distortion.top, distortion.right, distortion.bottom)
    left, top, right, bottom = stored_box(upright, turned)
    width, height = opaque.size
    box = (left * width, top * height, right * width, bottom * height)
    square = turn(opaque.resize(_SIZE, Image.Resampling.BILINEAR, box=box), turned)
    if distortion.mirror:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return as_pixels(square.point(_brightened(distortion.brightness) * len(square.getbands())))


def as_pixels(square: Image.Image) -> NDArray[np.uint8]:
    """uint8[299, 299, 3], RGB, of a square of mode L or RGB."""
    return np.array(square.convert("RGB"), dtype=np.uint8)


def _brightened(factor: float) -> list[int]:
    """Each of the 256 values times the factor, rounded to even where halfway, no more than white."""
    return [min(round(value * factor), _WHITE) for value in range(_WHITE + 1)]
