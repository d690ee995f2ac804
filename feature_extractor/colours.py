"""From any of Pillow's modes to opaque 8-bit grey or RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE = 255
_MAX_16_BIT = 65_535
_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")

# uint8[65536]: 16-bit grey to the nearest of 256 levels; 65535 / 255 = 257 exactly.
_16_TO_8_BIT: NDArray[np.uint8] = ((np.arange(_MAX_16_BIT + 1) + 128) // 257).astype(np.uint8)


def flatten(image: Image.Image) -> Image.Image:
    """A loaded picture as mode L or RGB: alpha on white, palettes resolved, deep grey scaled to 8 bit.

    Grey stays L, because it resizes three times faster and its three channels would be equal anyway.
    Embedded colour profiles are ignored; CMYK is converted as Pillow does, which knows Adobe's inverted kind.

    Raises:
        InvalidArgumentError: UNSUPPORTED_FORMAT for a colour space that is none of grey, RGB, YCbCr, CMYK or palette.
    """
    if image.mode in _DEEP_MODES:
        return _deep_grey(image)
    if image.mode in _ALPHA_MODES or image.has_transparency_data:
        return _on_white(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("P", "RGB", "RGBX", "CMYK", "YCbCr"):
        return image.convert("RGB")
    raise InvalidArgumentError(
        f"the {image.format} picture has the colour space {image.mode}; convert it to RGB", reason="UNSUPPORTED_FORMAT"
    )


def _on_white(image: Image.Image) -> Image.Image:
    """Alpha composed over white: c * a + 255 * (1 - a), at full resolution, before any resizing."""
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    canvas = Image.new("RGB", rgba.size, (_WHITE, _WHITE, _WHITE))
    canvas.paste(rgba, mask=rgba.getchannel("A"))
    return canvas


def _deep_grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits, scaled: Pillow's own conversion to L would clip everything above 255 to white."""
    grey = to_8_bit(np.asarray(image))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey = np.where(np.asarray(image) == transparent, np.uint8(_WHITE), grey)
    return Image.fromarray(grey)


def to_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Deep grey [h, w] to uint8[h, w].

    Whole numbers within 0..65535 are 16-bit grey. Floats within 0..1 are fractions of white. Any other range has no
    agreed white (32-bit and floating TIFF), so it is stretched from its minimum to its maximum; what is not finite
    counts as the nearest end of the range, and not-a-number as its low end.
    """
    whole = np.issubdtype(values.dtype, np.integer)
    low, high = _whole_range(values) if whole else _finite_range(values)
    if whole and low >= 0 and high <= _MAX_16_BIT:
        levels: NDArray[np.uint8] = _16_TO_8_BIT[values]
        return levels
    if low > high:  # not one finite value
        return np.zeros(values.shape, np.uint8)
    if not whole and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    # In place, in float64: one copy is all that a picture of 100 megapixels can afford.
    wide = values.astype(np.float64)
    np.nan_to_num(wide, copy=False, nan=low, posinf=high, neginf=low)
    wide -= low
    wide *= _WHITE / ((high - low) or 1.0)
    return np.rint(wide, out=wide).astype(np.uint8)


def _whole_range(values: NDArray[Any]) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _finite_range(values: NDArray[Any]) -> tuple[float, float]:
    """Minimum and maximum of what is finite; (inf, -inf) when nothing is."""
    finite = np.isfinite(values)
    return (
        float(np.min(values, where=finite, initial=np.inf)),
        float(np.max(values, where=finite, initial=-np.inf)),
    )
