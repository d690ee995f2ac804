"""From any of Pillow's modes to opaque 8-bit grey or RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from feature_extractor.decoding.deep_grey import flatten_deep_grey
from feature_extractor.decoding.strips import strips_of
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

_WHITE = (255, 255, 255)
_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


def flatten(image: Image.Image) -> Image.Image:
    """A loaded picture as mode L or RGB: alpha on white, palettes resolved, deep grey scaled to 8 bit.

    Grey stays L, because it resizes three times faster and its three channels would be equal anyway.
    Embedded colour profiles are ignored; CMYK is converted as Pillow does, which knows Adobe's inverted kind.
    A picture that is flat already comes back itself; of any other only one copy is made, a strip at a time.

    Raises:
        InvalidArgumentError: UNSUPPORTED_FORMAT for a colour space that is none of grey, RGB, YCbCr, CMYK or palette.
    """
    if image.mode in _DEEP_MODES:
        return flatten_deep_grey(image)
    if image.mode in _ALPHA_MODES or image.has_transparency_data:
        return _assembled(image, _on_white)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "RGBX", "CMYK", "YCbCr"):
        return _assembled(image, lambda strip: strip.convert("RGB"))
    raise InvalidArgumentError(
        f"the {image.format} picture has the colour space {image.mode}; convert it to RGB", reason="UNSUPPORTED_FORMAT"
    )


def _assembled(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The RGB picture whose strips are the converted strips of this one; a conversion must look at one pixel alone."""
    canvas = Image.new("RGB", image.size)
    for box in strips_of(image.size):
        canvas.paste(convert(image.crop(box)), box)
    return canvas


def _on_white(strip: Image.Image) -> Image.Image:
    """Alpha composed over white: c * a + 255 * (1 - a), at full resolution, before any resizing."""
    if strip.mode == "La":
        strip = strip.convert("LA")
    rgba = strip.convert("RGBA")
    canvas = Image.new("RGB", rgba.size, _WHITE)
    canvas.paste(rgba, mask=rgba.getchannel("A"))
    return canvas
