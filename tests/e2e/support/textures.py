"""Labelled pictures for tests, drawn: six kinds of texture in any colour, size and place, with noise."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Mask = NDArray[np.float64]

LABELS: Final = ("blobs", "checks", "discs", "rings", "rods", "stripes")
_NOISE: Final = 12.0  # standard deviation, in grey levels of 255


def texture(label: str, number: int, size: tuple[int, int] = (192, 160)) -> bytes:
    """Return picture `number` of a label as JPEG; the same arguments draw the same picture."""
    draw = np.random.default_rng([zlib.crc32(label.encode()), number])
    width, height = size
    # mask: float64[height, width] in 0 to 1, how much of the second colour a pixel has
    mask = _MASKS[label](draw, width, height)[..., None]
    first, second = draw.uniform(0, 110, 3), draw.uniform(145, 255, 3)
    if draw.random() < 0.5:
        first, second = second, first
    shaded = first * (1 - mask) + second * mask + draw.normal(0, _NOISE, (height, width, 3))
    content = io.BytesIO()
    Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8)).save(content, "JPEG", quality=88)
    return content.getvalue()


def write_textures(folder: Path, each: int, start: int = 0) -> Path:
    """Write `each` pictures of every label under FOLDER/LABEL/, numbered from `start`; return the folder."""
    for label in LABELS:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(start, start + each):
            (folder / label / f"{number:04d}.jpg").write_bytes(texture(label, number))
    return folder


def _turned(draw: Any, width: int, height: int) -> tuple[Mask, Mask]:
    """Return the coordinates of each pixel, in pixels, turned by some degrees and shifted."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    angle = draw.uniform(-0.4, 0.4)
    shift = draw.uniform(0, 100, 2)
    return x * np.cos(angle) + y * np.sin(angle) + shift[0], y * np.cos(angle) - x * np.sin(angle) + shift[1]


def _stripes(draw: Any, width: int, height: int) -> Mask:
    _, v = _turned(draw, width, height)
    return (np.sin(2 * np.pi * v / draw.uniform(14, 30)) > 0).astype(np.float64)


def _checks(draw: Any, width: int, height: int) -> Mask:
    u, v = _turned(draw, width, height)
    side = draw.uniform(12, 26)
    return ((np.floor(u / side) + np.floor(v / side)) % 2).astype(np.float64)


def _rings(draw: Any, width: int, height: int) -> Mask:
    u, v = np.mgrid[0:height, 0:width].astype(np.float64)
    away = np.hypot(u - draw.uniform(0.3, 0.7) * height, v - draw.uniform(0.3, 0.7) * width)
    return (np.sin(2 * np.pi * away / draw.uniform(16, 30)) > 0).astype(np.float64)


def _blobs(draw: Any, width: int, height: int) -> Mask:
    coarse = draw.random((int(draw.integers(4, 8)), int(draw.integers(5, 9)))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.float64).clip(0, 1)


def _scattered(draw: Any, width: int, height: int, paint: Callable[[ImageDraw.ImageDraw, float, float], None]) -> Mask:
    canvas = Image.new("L", (width, height))
    for _ in range(int(draw.integers(12, 24))):
        paint(ImageDraw.Draw(canvas), draw.uniform(0, width), draw.uniform(0, height))
    return np.asarray(canvas, np.float64) / 255


def _discs(draw: Any, width: int, height: int) -> Mask:
    radius = draw.uniform(7, 15)
    return _scattered(draw, width, height, lambda on, x, y: on.circle((x, y), radius, fill=255))


def _rods(draw: Any, width: int, height: int) -> Mask:
    length, thickness = draw.uniform(25, 50), int(draw.integers(3, 6))

    def paint(on: ImageDraw.ImageDraw, x: float, y: float) -> None:
        angle = draw.uniform(0, np.pi)
        on.line((x, y, x + length * np.cos(angle), y + length * np.sin(angle)), fill=255, width=thickness)

    return _scattered(draw, width, height, paint)


_MASKS: Final[dict[str, Callable[[Any, int, int], Mask]]] = {
    "blobs": _blobs,
    "checks": _checks,
    "discs": _discs,
    "rings": _rings,
    "rods": _rods,
    "stripes": _stripes,
}
