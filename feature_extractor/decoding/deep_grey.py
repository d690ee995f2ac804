"""Grey of more than 8 bits, scaled to 8: Pillow's own conversion to L would clip everything above 255 to white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from feature_extractor.decoding.strips import strips_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE = 255
_MAX_16_BIT = 65_535

# uint8[65536]: 16-bit grey to the nearest of 256 levels; 65535 / 255 = 257 exactly.
_16_TO_8_BIT: NDArray[np.uint8] = ((np.arange(_MAX_16_BIT + 1) + 128) // 257).astype(np.uint8)


def flatten_deep_grey(image: Image.Image) -> Image.Image:
    """A loaded picture of 16-bit, 32-bit or floating grey as mode L; a PNG's transparent grey is laid on white."""
    boxes = list(strips_of(image.size))
    lows, highs = zip(*(_range(np.asarray(image.crop(box))) for box in boxes), strict=True)
    low, high = min(lows), max(highs)
    transparent = image.info.get("transparency")
    canvas = Image.new("L", image.size)
    for box in boxes:
        values = np.asarray(image.crop(box))
        grey = to_8_bit(values, low, high)
        if isinstance(transparent, int):
            grey = np.where(values == transparent, np.uint8(_WHITE), grey)
        canvas.paste(Image.fromarray(grey), box)
    return canvas


def to_8_bit(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Deep grey [h, w], part of a picture whose finite values lie within low..high, to uint8[h, w].

    Whole numbers within 0..65535 are 16-bit grey. Floats within 0..1 are fractions of white. Any other range has no
    agreed white (32-bit and floating TIFF), so it is stretched from its minimum to its maximum; what is not finite
    counts as the nearest end of the range, and not-a-number as its low end.
    """
    whole = np.issubdtype(values.dtype, np.integer)
    if whole and low >= 0 and high <= _MAX_16_BIT:
        levels: NDArray[np.uint8] = _16_TO_8_BIT[values]
        return levels
    if low > high:  # not one finite value
        return np.zeros(values.shape, np.uint8)
    if not whole and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    wide = np.nan_to_num(values.astype(np.float64), copy=False, nan=low, posinf=high, neginf=low)
    wide -= low
    wide *= _WHITE / ((high - low) or 1.0)
    return np.rint(wide, out=wide).astype(np.uint8)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Minimum and maximum of what is finite; (inf, -inf) when nothing is."""
    if np.issubdtype(values.dtype, np.integer):
        return float(values.min()), float(values.max())
    finite = np.isfinite(values)
    return (
        float(np.min(values, where=finite, initial=np.inf)),
        float(np.max(values, where=finite, initial=-np.inf)),
    )
