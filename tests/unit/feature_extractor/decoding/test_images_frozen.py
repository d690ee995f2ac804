"""Decoding gives for ever the pixels it gave when `pil-antialias-299-v1` was named: cached vectors rely on it."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from feature_extractor.decoding.images import PREPROCESSING_ID, DecodeLimits, decode

if TYPE_CHECKING:
    from collections.abc import Callable


def pattern(width: int, height: int, channels: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8[height, width, channels]: ramps, an edge and a texture, of whole-number arithmetic alone."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        (x * (3 + c) + y * (5 - c) + (x * y) // (7 + c) + 90 * ((x // 16 + y // 16) % 2)) % 256 for c in range(channels)
    ]
    return np.stack(planes, axis=-1).astype(np.uint8)


def picture(mode: str, size: tuple[int, int] = (421, 313)) -> Image.Image:
    """The pattern in a mode."""
    if mode in ("L", "P", "1"):
        grey = Image.fromarray(pattern(*size, 1)[..., 0])
        if mode == "P":
            indexed = Image.frombytes("P", size, grey.tobytes())
            indexed.putpalette([(7 * i) % 256 for i in range(768)])
            return indexed
        return grey.point(lambda value: 255 * (value > 127), "1") if mode == "1" else grey
    if mode == "I;16":
        y, x = np.mgrid[0 : size[1], 0 : size[0]]
        return Image.fromarray(((x * 151 + y * 211) % 65_536).astype(np.uint16))
    if mode == "F":
        y, x = np.mgrid[0 : size[1], 0 : size[0]]
        return Image.fromarray((x * 0.25 - y * 0.5).astype(np.float32))
    return Image.frombytes(mode, size, pattern(*size, len(mode)).tobytes())


def encoded(mode: str, kind: str, size: tuple[int, int] = (421, 313), **options: Any) -> bytes:
    """The pattern's bytes in a format."""
    buffer = io.BytesIO()
    picture(mode, size).save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> bytes:
    """A JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("RGB", "JPEG", exif=exif, quality=90)


MAKERS: dict[str, Callable[[], bytes]] = {
    "JPEG RGB": lambda: encoded("RGB", "JPEG", quality=90),
    "JPEG RGB 4:4:4 progressive": lambda: encoded("RGB", "JPEG", quality=60, subsampling=0, progressive=True),
    "JPEG RGB reduced while decoding": lambda: encoded("RGB", "JPEG", (2600, 1800), quality=85),
    "JPEG L": lambda: encoded("L", "JPEG", quality=90),
    "JPEG CMYK": lambda: encoded("CMYK", "JPEG", quality=90),
    **{f"JPEG orientation {n}": lambda n=n: turned(n) for n in range(2, 9)},  # type: ignore[misc]  # a default binds n
    "PNG RGB": lambda: encoded("RGB", "PNG"),
    "PNG RGB smaller than the input": lambda: encoded("RGB", "PNG", (92, 112)),
    "PNG RGB one pixel": lambda: encoded("RGB", "PNG", (1, 1)),
    "PNG RGB strip": lambda: encoded("RGB", "PNG", (3000, 2)),
    "PNG RGBA": lambda: encoded("RGBA", "PNG"),
    "PNG RGBA large": lambda: encoded("RGBA", "PNG", (1500, 1100)),
    "PNG LA": lambda: encoded("LA", "PNG"),
    "PNG L": lambda: encoded("L", "PNG"),
    "PNG L transparent": lambda: encoded("L", "PNG", transparency=77),
    "PNG RGB transparent": lambda: encoded("RGB", "PNG", transparency=(0, 0, 0)),
    "PNG P": lambda: encoded("P", "PNG"),
    "PNG P transparent": lambda: encoded("P", "PNG", transparency=bytes(range(256))),
    "PNG 1": lambda: encoded("1", "PNG"),
    "PNG I;16": lambda: encoded("I;16", "PNG"),
    "GIF P": lambda: encoded("P", "GIF"),
    "GIF P transparent": lambda: encoded("P", "GIF", transparency=9),
    "BMP RGB": lambda: encoded("RGB", "BMP"),
    "WEBP RGB lossless": lambda: encoded("RGB", "WEBP", lossless=True),
    "WEBP RGBA lossless": lambda: encoded("RGBA", "WEBP", lossless=True, exact=True),
    "TIFF RGB": lambda: encoded("RGB", "TIFF"),
    "TIFF CMYK LZW": lambda: encoded("CMYK", "TIFF", compression="tiff_lzw"),
    "TIFF F": lambda: encoded("F", "TIFF"),
    "TIFF I;16": lambda: encoded("I;16", "TIFF"),
    "PPM RGB": lambda: encoded("RGB", "PPM"),
}

FROZEN: dict[str, str] = {
    "JPEG RGB": "9f5505bf577e96de2a1af5351317cc6a",
    "JPEG RGB 4:4:4 progressive": "2832cb2e4d463693fecfee259a5b0bf0",
    "JPEG RGB reduced while decoding": "e0b7ec5902ead718095f6901e42d59ca",
    "JPEG L": "db47b257934fadcef715c65388c85322",
    "JPEG CMYK": "c433f1a55e633a0f3f1ab55d6460a6b8",
    "JPEG orientation 2": "23aa0a9416a7bfe7b2c9ced8e047efb1",
    "JPEG orientation 3": "c9c5e9d4a20d536e79e269fdc56175cc",
    "JPEG orientation 4": "bf46c140981dfa5574a87a8828431183",
    "JPEG orientation 5": "e75d7c8938ad77b1144fdb9ef3815c6b",
    "JPEG orientation 6": "8665ac0f46c4f9c198e38e249ebb5f1c",
    "JPEG orientation 7": "2d560906811dac3454cd7cc1c2ceec05",
    "JPEG orientation 8": "bd0441a203fff7c9d90b1f670e0f347c",
    "PNG RGB": "7f8bcd3fa235e39798b74da526f0aa18",
    "PNG RGB smaller than the input": "1dc28dd01f1de5b00c686fe6d59e32a1",
    "PNG RGB one pixel": "2b3ed8106162eacc32c40755a7873fc7",
    "PNG RGB strip": "7a75fbd7d00a31bc0b1d4f05d21b6c0d",
    "PNG RGBA": "866b1dba00d661cbc172382d8c0573ec",
    "PNG RGBA large": "20bd94987d614e8db7a6754cd9d509bf",
    "PNG LA": "5a55a5eb93cc86eea54a40dccdfc7dc1",
    "PNG L": "0dcb3a7debc961d88d156d6e0f9030bd",
    "PNG L transparent": "80fba33f9406bb3f57939b6b5aa951a0",
    "PNG RGB transparent": "5eff68c8a1e1e0dd2e32db04a6402572",
    "PNG P": "3a6a26ea8bf3210425e5b72c9919c280",
    "PNG P transparent": "340e9c7dd699f022fba6a9d47e8fa3dc",
    "PNG 1": "67502d5fa477570d600da9302293c120",
    "PNG I;16": "00ec9398edb1de75bdf8ec9f9cd8d027",
    "GIF P": "3a6a26ea8bf3210425e5b72c9919c280",
    "GIF P transparent": "94b11787ccd4c4921a8612d1aaf12d52",
    "BMP RGB": "7f8bcd3fa235e39798b74da526f0aa18",
    "WEBP RGB lossless": "7f8bcd3fa235e39798b74da526f0aa18",
    "WEBP RGBA lossless": "866b1dba00d661cbc172382d8c0573ec",
    "TIFF RGB": "7f8bcd3fa235e39798b74da526f0aa18",
    "TIFF CMYK LZW": "1d051e1ca131f0241f61d31a977812eb",
    "TIFF F": "a9e243d7e4ae329f8eae8c6d04249b8e",
    "TIFF I;16": "00ec9398edb1de75bdf8ec9f9cd8d027",
    "PPM RGB": "7f8bcd3fa235e39798b74da526f0aa18",
}


@pytest.mark.parametrize("name", MAKERS)
def test_pixels_are_those_of_the_first_release(name: str) -> None:
    """A changed pixel means another preprocessing id, or vectors of two kinds mix in one cache."""
    assert PREPROCESSING_ID == "pil-antialias-299-v1"
    pixels = decode(MAKERS[name](), DecodeLimits()).pixels
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:32] == FROZEN[name]
