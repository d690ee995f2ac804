"""Pictures to measure with: JPEGs of 500 x 375 pixels with the statistics of photographs, no two alike."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

WIDTH_PX, HEIGHT_PX = 500, 375
_AFTER_START = 2  # bytes of the marker that every JPEG begins with
_COMMENT = b"\xff\xfe"


def photograph(seed: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> bytes:
    """Return one picture: noise at several scales, the coarser the stronger, as in natural scenes; some 24 KB."""
    draw = np.random.default_rng(seed)
    canvas = np.zeros((height_px, width_px, 3))
    for cells in (4, 8, 16, 32, 64, 128):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3), np.uint8))
        canvas += np.asarray(coarse.resize((width_px, height_px), Image.Resampling.BICUBIC), float) / cells
    canvas = (canvas - canvas.min()) / (canvas.max() - canvas.min()) * 255
    content = io.BytesIO()
    Image.fromarray(canvas.astype(np.uint8)).save(content, "JPEG", quality=90)
    return content.getvalue()


def photographs(count: int, first: int = 0) -> list[bytes]:
    """Return `count` pictures; another `first` gives others."""
    return [photograph(first + index) for index in range(count)]


def variant(jpeg: bytes, number: int) -> bytes:
    """The same picture under another digest: a comment with the number behind the JPEG's first marker.

    It decodes to the same pixels at the same cost, and no cache has seen it.
    """
    text = number.to_bytes(8, "big")
    segment = _COMMENT + (len(text) + 2).to_bytes(2, "big") + text
    return jpeg[:_AFTER_START] + segment + jpeg[_AFTER_START:]


def jpegs_of(folder: Path) -> list[bytes]:
    """The JPEG files of a folder and the folders in it, by name.

    Raises:
        SystemExit: there are none.
    """
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg"}]
    if not found:
        raise SystemExit(f"{folder} holds no JPEG; the benchmark tells pictures apart by a JPEG comment")
    return [path.read_bytes() for path in found]


def write_jpegs(contents: list[bytes], folder: Path) -> None:
    """Write pictures as files, for the processes that measure."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, content in enumerate(contents):
        (folder / f"{index:05}.jpg").write_bytes(content)
