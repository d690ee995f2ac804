"""Pictures that Pillow reads and does not write, put together by hand; most have two halves of one colour each."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, depth: int, colour: int, interlaced: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def deep_png(left: tuple[int, ...], right: tuple[int, ...]) -> bytes:
    """A PNG of 16 bits a channel; 2 channels are grey with alpha, 3 RGB, 4 RGBA."""
    half = [struct.pack(f">{len(left)}H", *colour) * 30 for colour in (left, right)]
    return _png(60, 40, 16, {2: 4, 3: 2, 4: 6}[len(left)], 0, (b"\0" + half[0] + half[1]) * 40)


def interlaced_png(left: int, right: int) -> bytes:
    """A grey PNG of 8 bits in Adam7's seven passes."""
    pixels = np.full((40, 60), left, np.uint8)
    pixels[:, 30:] = right
    rows = b"".join(
        b"".join(b"\0" + row.tobytes() for row in pixels[top::down, start::across])
        for start, top, across, down in _ADAM7
    )
    return _png(60, 40, 8, 0, 1, rows)


def _tiff(entries: list[tuple[int, int, int, int]], pixels: bytes) -> bytes:
    """A little-endian TIFF of one page whose pixels begin at byte 8."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    padded = pixels + b"\0" * (len(pixels) % 2)
    return b"II*\0" + struct.pack("<I", 8 + len(padded)) + padded + directory + b"\0\0\0\0"


def tiled_tiff(left: int, right: int) -> bytes:
    """A grey TIFF of 32x16 in a tile for each half."""
    tiles = bytes((left,)) * 256 + bytes((right,)) * 256
    offsets = struct.pack("<IIII", 8, 8 + 256, 256, 256)  # behind the tiles: their places, then their lengths
    at = 8 + len(tiles)
    entries = [(256, 3, 1, 32), (257, 3, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1),
               (322, 3, 1, 16), (323, 3, 1, 16), (324, 4, 2, at), (325, 4, 2, at + 8)]  # fmt: skip
    return _tiff(entries, tiles + offsets)


def white_is_zero_tiff(left: int, right: int) -> bytes:
    """A grey TIFF of 32x16 that counts from white to black."""
    rows = (bytes((left,)) * 16 + bytes((right,)) * 16) * 16
    entries = [(256, 3, 1, 32), (257, 3, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 0), (273, 4, 1, 8),
               (277, 3, 1, 1), (278, 3, 1, 16), (279, 4, 1, len(rows))]  # fmt: skip
    return _tiff(entries, rows)


def deep_tiff(left: tuple[int, int, int], right: tuple[int, int, int]) -> bytes:
    """An RGB TIFF of 32x16 with 16 bits a channel."""
    rows = (struct.pack("<3H", *left) * 16 + struct.pack("<3H", *right) * 16) * 16
    at = 8 + len(rows)
    entries = [(256, 3, 1, 32), (257, 3, 1, 16), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8),
               (277, 3, 1, 3), (278, 3, 1, 16), (279, 4, 1, len(rows))]  # fmt: skip
    return _tiff(entries, rows + struct.pack("<3H", 16, 16, 16))


def ycck_jpeg(left: tuple[int, int, int], right: tuple[int, int, int]) -> bytes:
    """A JPEG of Adobe's YCCK kind: a CMYK one, of which the Adobe segment says that three channels are YCbCr."""
    stored = Image.new("RGB", (60, 40), tuple(255 - value for value in left))  # type: ignore[arg-type]  # of three
    stored.paste(tuple(255 - value for value in right), (30, 0, 60, 40))
    planes = [Image.eval(plane, lambda value: 255 - value) for plane in stored.convert("YCbCr").split()]
    buffer = io.BytesIO()
    Image.merge("CMYK", (*planes, Image.new("L", (60, 40), 0))).save(buffer, "JPEG", quality=95, subsampling=0)
    content = bytearray(buffer.getvalue())
    content[content.index(b"Adobe") + 11] = 2  # the transform: none becomes YCCK
    return bytes(content)


def many_scans(count: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """A progressive JPEG whose last scan's header is repeated so often, each time with nothing behind it."""
    buffer = io.BytesIO()
    Image.new("L", size, 100).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    header = content[last : last + 2 + int.from_bytes(content[last + 2 : last + 4], "big")]
    return content[:-2] + header * count + content[-2:]
