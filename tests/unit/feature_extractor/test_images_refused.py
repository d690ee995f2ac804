"""Decoding: what cannot or must not be decoded is refused, with a reason and a message that says what it is."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from feature_extractor.images import FORMATS, DecodeLimits, decode
from graft.errors import InvalidArgumentError

LIMITS = DecodeLimits()

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pytest undoes the filter that the module sets


def encoded(kind: str, size: tuple[int, int] = (80, 60), **options: Any) -> bytes:
    """A patterned picture's bytes in a format."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def refusal(content: bytes, limits: DecodeLimits = LIMITS) -> InvalidArgumentError:
    """The error that decoding raises."""
    with pytest.raises(InvalidArgumentError) as caught:
        decode(content, limits)
    return caught.value


def test_empty() -> None:
    """No bytes are no picture."""
    assert refusal(b"").reason == "EMPTY_IMAGE"


def test_too_many_bytes_names_both_numbers() -> None:
    """The size limit is checked before anything looks at the bytes."""
    error = refusal(b"x" * 1_001, DecodeLimits(max_bytes=1_000))
    assert error.reason == "IMAGE_TOO_LARGE"
    assert "1,001" in error.message
    assert "1,000" in error.message


@pytest.mark.parametrize(
    "content",
    [
        png_header(20_000, 20_000),
        b"P5 20000 20000 255\n",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HHBBB", 20_000, 20_000, 0, 0, 0)
        + b"\x2c" + struct.pack("<HHHHB", 0, 0, 20_000, 20_000, 0) + b"\x08\x01\x00\x00\x3b",
    ],
    ids=["PNG", "PPM", "BMP", "GIF"],
)  # fmt: skip
def test_400_megapixel_bomb_is_refused_by_its_header(content: bytes) -> None:
    """A few bytes that claim 400 megapixels are refused as too many pixels, not as broken: none was decoded."""
    error = refusal(content)
    assert error.reason == "TOO_MANY_PIXELS"
    assert "400,000,000" in error.message


def test_the_pixel_limit_is_ours_and_not_pillows() -> None:
    """Beyond Pillow's own limit a picture is judged by ours alone: here it is only found to be cut short."""
    assert refusal(png_header(20_000, 20_000), DecodeLimits(max_pixels=500_000_000)).reason == "CORRUPT_IMAGE"


def test_strip_of_few_pixels_is_refused() -> None:
    """A strip of extreme length costs memory out of proportion to its pixels."""
    error = refusal(png_header(50_000_000, 1))
    assert error.reason == "TOO_MANY_PIXELS"
    assert "65,535" in error.message


def test_longest_allowed_strip_decodes() -> None:
    """The longest side a JPEG can have is allowed."""
    buffer = io.BytesIO()
    Image.new("L", (65_535, 1), 77).save(buffer, "PNG")
    assert (decode(buffer.getvalue(), LIMITS).pixels == 77).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "an HTML page"),
        (b"just some notes\nin a file named .jpg\n", "text"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x00\x00\x00\x18ftypheic" + b"\0" * 16, "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypmp42" + b"\0" * 16, "a video"),
        (bytes(range(256)), "binary data"),
        (b"\x00", "binary data"),
    ],
)
def test_other_content_is_named(content: bytes, says: str) -> None:
    """Something that is no picture is called what it looks like, whatever its name was."""
    error = refusal(content)
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "not a picture in one of the formats JPEG, PNG, GIF, BMP, WEBP, TIFF, PPM" in error.message
    assert says in error.message


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "ICNS", "EPS", "PDF", "DDS", "SGI"])
def test_formats_off_the_list_are_refused(kind: str) -> None:
    """Pillow could open these, but their decoders never see a stranger's bytes."""
    assert refusal(encoded(kind, (64, 64))).reason == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_truncated_pictures_are_refused(kind: str, kept: float) -> None:
    """A picture cut anywhere is refused as broken, never completed with grey."""
    content = encoded(kind, (300, 200))
    assert refusal(content[: max(12, int(len(content) * kept))]).reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_bytes_raise_nothing_else(kind: str) -> None:
    """Random damage gives a picture or an InvalidArgumentError with a reason, whatever Pillow's parsers raise."""
    chance = random.Random(kind)  # noqa: S311  # reproducible damage, not a secret
    content = encoded(kind)
    reasons = {"CORRUPT_IMAGE", "UNSUPPORTED_FORMAT", "TOO_MANY_PIXELS"}
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(min(len(damaged), chance.choice((64, 400, len(damaged)))))] = chance.randrange(256)
        try:
            decode(bytes(damaged), DecodeLimits(max_pixels=1_000_000))
        except InvalidArgumentError as error:
            assert error.reason in reasons  # noqa: PT017  # most of the damaged pictures raise nothing


def test_unusual_colour_space_is_named() -> None:
    """A CIELAB TIFF is refused with its colour space, since the way to RGB needs a profile."""
    buffer = io.BytesIO()
    Image.new("LAB", (8, 8)).save(buffer, "TIFF")
    error = refusal(buffer.getvalue())
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "LAB" in error.message


def test_broken_exif_does_not_refuse_good_pixels() -> None:
    """A picture whose EXIF block is nonsense is taken as stored."""
    content = encoded("JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff nonsense")
    assert decode(content, LIMITS).width_px == 80
