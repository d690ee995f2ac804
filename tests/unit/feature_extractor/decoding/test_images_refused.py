"""Decoding: what cannot or must not be decoded is refused, with a reason and a message that says what it is."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from crafted_pictures import many_scans
from PIL import Image

from feature_extractor.decoding import images
from feature_extractor.decoding.formats import FORMATS
from feature_extractor.decoding.images import DecodeLimits, decode
from feature_extractor.decoding.scans import has_more_scans
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


@pytest.mark.parametrize("kind", FORMATS)
def test_limits_hold_for_every_format(kind: str) -> None:
    """One pixel too many, in all or on a side, is refused; as many as are allowed decode."""
    content = encoded(kind, (80, 60))
    assert refusal(content, DecodeLimits(max_pixels=4799)).reason == "TOO_MANY_PIXELS"
    assert refusal(content, DecodeLimits(max_side_px=79)).reason == "TOO_MANY_PIXELS"
    assert refusal(content, DecodeLimits(max_bytes=len(content) - 1)).reason == "IMAGE_TOO_LARGE"
    assert decode(content, DecodeLimits(len(content), 4800, 80)).width_px == 80


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


OTHERS = {
    "HEIC": (b"\x00\x00\x00\x18ftypheic" + b"\0" * 16, "a HEIC picture; convert it to JPEG"),
    "HEIC, general brand": (b"\x00\x00\x00\x18ftypmif1" + b"\0" * 4 + b"mif1heic", "a HEIC picture"),
    "JPEG 2000": (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture; convert it"),
    "JPEG XL": (b"\xff\x0a\xfa\x7f", "a JPEG XL picture; convert it"),
    "JPEG XL, boxed": (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture; convert it"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing; export it as PNG"),
    "PDF": (b"%PDF-1.7 ...", "a PDF document; export its page as PNG"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
    "Photoshop": (b"8BPS\0\1", "a Photoshop document"),
    "Windows icon": (b"\x00\x00\x01\x00\x01", "a Windows icon"),
    "HTML": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "an HTML page"),
    "Text": (b"just some notes\nin a file named .jpg\n", "text"),
    "ZIP": (b"PK\x03\x04....", "a ZIP archive"),
    "gzip": (b"\x1f\x8b....", "a gzip archive"),
    "Video, MP4": (b"\x00\x00\x00\x18ftypmp42" + b"\0" * 16, "a video"),
    "Video, WebM": (b"\x1aE\xdf\xa3....", "a video"),
    "Video, AVI": (b"RIFF\x10\0\0\0AVI LIST", "a video"),
    "Program": (b"\x7fELF\2\1\1", "a program"),
    "Anything else": (bytes(range(256)), "binary data"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_content_is_named(name: str) -> None:
    """Something that is no picture is called what it looks like, whatever its name was, perhaps with advice."""
    content, says = OTHERS[name]
    error = refusal(content)
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "not a picture in one of the formats JPEG, PNG, GIF, BMP, WEBP, TIFF, PPM" in error.message
    assert f"it looks like {says}" in error.message


def test_avif_without_its_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pillow was built without AVIF, a picture of that format is refused as such, not as broken."""
    content = encoded("AVIF")
    monkeypatch.setattr(images, "FORMATS", tuple(each for each in FORMATS if each != "AVIF"))
    error = refusal(content)
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "an AVIF picture, which this build of Pillow cannot decode; convert it to JPEG" in error.message


@pytest.mark.parametrize("size", [(64, 64), (9000, 9000)])
def test_jpeg_of_too_many_scans(size: tuple[int, int]) -> None:
    """Ten bytes of another scan cost a pass over all pixels, so a picture with hundreds is refused before decoding."""
    error = refusal(many_scans(5_000, size), DecodeLimits(accept_truncated=True))
    assert error.reason == "CORRUPT_IMAGE"
    assert "more than 100 scans" in error.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xd8" + b"\xff\xe1\0\x0aExif\0\0xx" * 101 + encoded("JPEG")[2:], "more than 100 EXIF segments"),
        (b"P3 2 1 255\n" + b"#\n" * 1001 + b"1 1 1 1 1 1\n", "more than 1,000 comments"),
    ],
    ids=["JPEG", "PPM"],
)
def test_other_files_that_cost_out_of_proportion(content: bytes, says: str) -> None:
    """What Pillow handles at a quadratic cost is refused in numbers that no picture has, and taken up to them."""
    error = refusal(content, DecodeLimits(accept_truncated=True))
    assert error.reason == "CORRUPT_IMAGE"
    assert says in error.message
    fewer = content.replace(b"\xff\xe1\0\x0aExif\0\0xx", b"", 1).replace(b"#\n", b"", 1)
    assert decode(fewer, LIMITS)


def test_scans_are_counted() -> None:
    """The count is exact, restarts, stuffed bytes and repeated scans included."""
    for content in (encoded("JPEG", progressive=True, restart_marker_blocks=1), many_scans(95)):
        scans = content.count(b"\xff\xda")
        assert not has_more_scans(content, scans)
        assert has_more_scans(content, scans - 1)


def test_scans_of_a_thumbnail_do_not_count() -> None:
    """What looks like scans inside a segment is not the picture's."""
    content = encoded("JPEG")
    comment = b"\xff\xda" * 1000
    assert decode(content[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + content[2:], LIMITS)


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "ICNS", "EPS", "PDF", "DDS", "SGI"])
def test_formats_off_the_list_are_refused(kind: str) -> None:
    """Pillow could open these, but their decoders never see a stranger's bytes."""
    assert refusal(encoded(kind, (64, 64))).reason == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_truncated_pictures_are_refused(kind: str, kept: float) -> None:
    """A picture cut anywhere is refused as broken, unless the limits say otherwise."""
    content = encoded(kind, (300, 200))
    assert refusal(content[: max(12, int(len(content) * kept))]).reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize(("module", "step"), [(Image, "open"), (images, "flatten")])
def test_out_of_memory(module: Any, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When memory runs out, in the header or while decoding, the picture is too large and not broken."""

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    content = encoded("PNG")
    monkeypatch.setattr(module, step, fail)
    error = refusal(content, DecodeLimits(accept_truncated=True))
    assert error.reason == "TOO_MANY_PIXELS"
    assert "more memory than there is; send a smaller one" in error.message


def test_unusual_colour_space_is_named() -> None:
    """A CIELAB TIFF is refused with its colour space, since the way to RGB needs a profile."""
    buffer = io.BytesIO()
    Image.new("LAB", (8, 8)).save(buffer, "TIFF")
    error = refusal(buffer.getvalue())
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "LAB" in error.message
