"""Real pictures of every format, and ways to damage them, as hypothesis strategies."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image, features

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = (48, 40)
_PNG = b"\x89PNG\r\n\x1a\n"
_TELLING = tuple(
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in {
        "B": (0, 1, 0x7F, 0x80, 0xFF),
        "H": (0, 1, 0x7FFF, 0x8000, 0xFFFF, 300),
        "I": (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 3000),
    }.items()
    for value in values
)


def _picture(mode: str) -> Image.Image:
    y, x = np.mgrid[0 : _SIZE[1], 0 : _SIZE[0]]
    if mode == "F":
        return Image.fromarray((x - y * 0.5).astype(np.float32))
    if mode == "I":
        return Image.fromarray((x * 70_000 - y).astype(np.int32))
    if mode == "I;16":
        return Image.fromarray((x * 991 + y * 77).astype(np.uint16))
    rgba = Image.fromarray(np.stack([x * 5, y * 6, (x * y) % 256, 255 - x * 3], axis=-1).astype(np.uint8), "RGBA")
    return rgba if mode == "RGBA" else rgba.convert("RGB").convert(mode)


def _encoded(mode: str, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    _picture(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    return exif.tobytes()


def _frames() -> dict[str, Any]:
    """Options for a second frame, a new one each time: saving leaves its traces in a picture."""
    return {"save_all": True, "append_images": [_picture("RGB").rotate(90)]}


def _seeds() -> dict[str, bytes]:
    seeds = {
        "jpeg": _encoded("RGB", "JPEG", exif=_exif()),
        "jpeg grey": _encoded("L", "JPEG"),
        "jpeg progressive": _encoded("RGB", "JPEG", progressive=True, subsampling=0),
        "jpeg cmyk": _encoded("CMYK", "JPEG"),
        "jpeg multi": _encoded("RGB", "MPO", **_frames()),
        "png": _encoded("RGB", "PNG", exif=_exif()),
        "png alpha": _encoded("RGBA", "PNG"),
        "png palette": _encoded("P", "PNG", transparency=3),
        "png bilevel": _encoded("1", "PNG"),
        "png deep": _encoded("I;16", "PNG"),
        "png animated": _encoded("RGB", "PNG", **_frames()),
        "gif": _encoded("P", "GIF", transparency=2),
        "gif animated": _encoded("P", "GIF", **_frames()),
        "bmp": _encoded("RGB", "BMP"),
        "bmp palette": _encoded("P", "BMP"),
        "webp": _encoded("RGB", "WEBP", exif=_exif()),
        "webp lossless": _encoded("RGBA", "WEBP", lossless=True),
        "webp animated": _encoded("RGB", "WEBP", **_frames()),
        "tiff": _encoded("RGB", "TIFF", exif=_exif()),
        "tiff deep": _encoded("I;16", "TIFF"),
        "tiff float": _encoded("F", "TIFF"),
        "tiff pages": _encoded("RGB", "TIFF", **_frames()),
        "tiff big": _encoded("RGB", "TIFF", big_tiff=True),
        "ppm": _encoded("RGB", "PPM"),
        "pgm deep": _encoded("I;16", "PPM"),
        "pbm": _encoded("1", "PPM"),
        "ppm plain": b"P3 # a comment\n4 3 255\n" + b" ".join(b"%d" % (7 * n) for n in range(36)) + b"\n",
        "pfm": _encoded("F", "PPM"),
    }
    for mode, compression in (
        ("RGB", "tiff_lzw"), ("RGB", "tiff_adobe_deflate"), ("RGB", "jpeg"), ("RGB", "packbits"), ("1", "group3"),
        ("1", "group4"), ("CMYK", "tiff_lzw"), ("RGBA", "tiff_deflate"), ("I", "tiff_lzw"), ("P", "tiff_lzw"),
    ):  # fmt: skip
        seeds[f"tiff {mode} {compression}"] = _encoded(mode, "TIFF", compression=compression)
    if features.check("avif"):
        seeds["avif"] = _encoded("RGB", "AVIF", speed=10)
        seeds["avif alpha"] = _encoded("RGBA", "AVIF", speed=10, exif=_exif())
        seeds["avif animated"] = _encoded("RGB", "AVIF", speed=10, **_frames())
    return seeds


SEEDS = _seeds()
"""Small pictures by what they are, every decoder and most of its branches among them."""


def _with_right_checksums(content: bytes) -> bytes:
    """A PNG whose checksums fit again, so that damage reaches what lies behind them."""
    if not content.startswith(_PNG):
        return content
    repaired, place = bytearray(content), 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            break
        repaired[end : end + 4] = struct.pack(">I", zlib.crc32(content[place + 4 : end]))
        place = end + 4
    return bytes(repaired)


@st.composite
def damaged_pictures(draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
    """A picture with some of: bytes overwritten, cut, repeated, removed, spliced in from others, the end replaced."""
    content = bytearray(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    for _ in range(draw(st.integers(0, 6))):
        first, reach = draw(st.sampled_from(((0, 32), (12, 64), (12, 128), (12, 600), (100, 2000), (12, 10**6))))
        last = max(0, min(len(content), reach) - 1)
        place = draw(st.integers(min(first, last), last))
        match draw(st.sampled_from("ooooobbbctrsh")):
            case "o":
                some = draw(st.sampled_from(_TELLING))
                content[place : place + len(some)] = some
            case "b":
                content[place : place + 1] = bytes((draw(st.integers(0, 255)),))
            case "c":
                del content[draw(st.integers(min(12, len(content)), len(content))) :]
            case "t":
                content[place:place] = content[place : place + draw(st.integers(1, 200))] * draw(st.integers(1, 20))
            case "r":
                del content[place : place + draw(st.integers(1, 64))]
            case "s":
                other = SEEDS[draw(st.sampled_from(sorted(SEEDS)))]
                start = draw(st.integers(0, len(other) - 1))
                content[place:place] = other[start : start + draw(st.integers(1, 400))]
            case _:
                content[place:] = SEEDS[draw(st.sampled_from(sorted(SEEDS)))][place:]
    return _with_right_checksums(bytes(content)) if draw(st.booleans()) else bytes(content)
