"""Pictures to measure with: JPEGs of 500 x 375 pixels with the statistics of photographs, no two alike."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

WIDTH_PX, HEIGHT_PX = 500, 375


def photograph(seed: int) -> bytes:
    """Return one picture: noise at several scales, the coarser the stronger, as in natural scenes; some 60 KB."""
    draw = np.random.default_rng(seed)
    canvas = np.zeros((HEIGHT_PX, WIDTH_PX, 3))
    for cells in (4, 8, 16, 32, 64, 128):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3), np.uint8))
        canvas += np.asarray(coarse.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC), float) / cells
    canvas = (canvas - canvas.min()) / (canvas.max() - canvas.min()) * 255
    content = io.BytesIO()
    Image.fromarray(canvas.astype(np.uint8)).save(content, "JPEG", quality=90)
    return content.getvalue()


def photographs(count: int, first: int = 0) -> list[bytes]:
    """Return `count` pictures; another `first` gives others."""
    return [photograph(first + index) for index in range(count)]
