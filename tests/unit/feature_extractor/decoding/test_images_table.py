"""Every row of docs/pictures.md that says `taken`: what a picture of that kind comes out as."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from crafted_pictures import (
    deep_png,
    deep_tiff,
    interlaced_png,
    many_scans,
    tiled_tiff,
    white_is_zero_tiff,
    ycck_jpeg,
)
from PIL import Image, ImageCms

from feature_extractor.decoding.images import DecodeLimits, decode

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = DecodeLimits()
RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
DARK, LIGHT = (10, 10, 10), (200, 200, 200)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pytest undoes the filter that the module sets


def halves(mode: str, left: Any, right: Any) -> Image.Image:
    """A picture of 60x40 with a left and a right half of one colour each."""
    image = Image.new(mode, (60, 40), left)
    image.paste(right, (30, 0, 60, 40))
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture's bytes in a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colour(kind: str, **options: Any) -> bytes:
    """Red and blue halves in a format."""
    return saved(halves("RGB", RED, BLUE), kind, **options)


def indexed(kind: str, **options: Any) -> bytes:
    """Red and blue halves by palette."""
    image = halves("P", 0, 1)
    image.putpalette([*RED, *BLUE])
    return saved(image, kind, **options)


def clear(kind: str, **options: Any) -> bytes:
    """A half that is black and wholly transparent, and one that is black at a fifth."""
    return saved(halves("RGBA", (0, 0, 0, 0), (0, 0, 0, 51)), kind, **options)


def animated(kind: str, **options: Any) -> bytes:
    """Red and blue halves, then a frame of green."""
    return colour(kind, save_all=True, append_images=[Image.new("RGB", (60, 40), "green")], **options)


def deep(kind: str, values: tuple[float, float], dtype: Any, **options: Any) -> bytes:
    """Halves of deep grey."""
    return saved(Image.fromarray(np.repeat(np.array([values], dtype), 30, axis=1).repeat(40, axis=0)), kind, **options)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FINE: dict[str, Any] = {"quality": 95, "subsampling": 0}
FAINT = (204, 204, 204)

# What is taken: the picture, the colours of its halves, and by how much a lossy format may miss them.
TAKEN: dict[str, tuple[Callable[[], bytes], tuple[int, ...], tuple[int, ...], int]] = {
    "JPEG, colour": (lambda: colour("JPEG", **FINE), RED, BLUE, 3),
    "JPEG, grey": (lambda: saved(halves("L", 10, 200), "JPEG", quality=95), DARK, LIGHT, 2),
    "JPEG, progressive": (lambda: colour("JPEG", progressive=True, **FINE), RED, BLUE, 3),
    "JPEG, CMYK": (lambda: saved(halves("CMYK", (0,) * 4, (0, 255, 255, 0)), "JPEG", **FINE), WHITE, RED, 4),
    "JPEG, YCCK": (lambda: ycck_jpeg(RED, WHITE), RED, WHITE, 4),
    "JPEG, up to 100 scans": (lambda: many_scans(90), (100,) * 3, (100,) * 3, 2),
    "MPO (JPEG with several pictures)": (lambda: animated("MPO", **FINE), RED, BLUE, 3),
    "PNG, colour": (lambda: colour("PNG"), RED, BLUE, 0),
    "PNG, grey": (lambda: saved(halves("L", 10, 200), "PNG"), DARK, LIGHT, 0),
    "PNG, bilevel": (lambda: saved(halves("1", 0, 1), "PNG"), BLACK, WHITE, 0),
    "PNG, palette": (lambda: indexed("PNG"), RED, BLUE, 0),
    "PNG, palette with alpha": (lambda: indexed("PNG", transparency=b"\x00\xff"), WHITE, BLUE, 0),
    "PNG, one transparent colour": (
        lambda: saved(halves("RGB", (1, 2, 3), RED), "PNG", transparency=(1, 2, 3)), WHITE, RED, 0,
    ),
    "PNG, grey with alpha": (lambda: saved(halves("LA", (0, 0), (0, 255)), "PNG"), WHITE, BLACK, 0),
    "PNG, colour with alpha": (lambda: clear("PNG"), WHITE, FAINT, 0),
    "PNG, 16-bit grey": (lambda: deep("PNG", (2_570, 51_400), np.uint16), DARK, LIGHT, 0),
    "PNG, 16-bit grey with alpha": (lambda: deep_png((0, 0), (51_400, 65_535)), WHITE, LIGHT, 0),
    "PNG, 16-bit colour": (lambda: deep_png((65_535, 0, 0), (2_570, 51_400, 255)), RED, (10, 200, 0), 0),
    "PNG, 16-bit colour with alpha": (lambda: deep_png((0, 0, 0, 0), (65_535, 0, 0, 65_535)), WHITE, RED, 0),
    "PNG, interlaced": (lambda: interlaced_png(10, 200), DARK, LIGHT, 0),
    "PNG, animated": (lambda: animated("PNG"), RED, BLUE, 0),
    "GIF": (lambda: indexed("GIF"), RED, BLUE, 0),
    "GIF, transparent": (lambda: indexed("GIF", transparency=0), WHITE, BLUE, 0),
    "GIF, animated": (lambda: animated("GIF"), RED, BLUE, 0),
    "BMP, colour": (lambda: colour("BMP"), RED, BLUE, 0),
    "BMP, palette": (lambda: indexed("BMP"), RED, BLUE, 0),
    "BMP, bilevel": (lambda: saved(halves("1", 0, 1), "BMP"), BLACK, WHITE, 0),
    "WebP, lossy": (lambda: colour("WEBP", quality=95), (254, 0, 0), (0, 0, 254), 6),
    "WebP, lossless": (lambda: colour("WEBP", lossless=True), RED, BLUE, 0),
    "WebP, with alpha": (lambda: clear("WEBP", lossless=True), WHITE, FAINT, 0),
    "WebP, animated": (lambda: animated("WEBP", lossless=True), RED, BLUE, 0),
    "AVIF": (lambda: colour("AVIF", quality=95, subsampling="4:4:4"), RED, BLUE, 6),
    "AVIF, with alpha": (lambda: clear("AVIF", quality=100, subsampling="4:4:4"), WHITE, FAINT, 6),
    "AVIF, animated": (lambda: animated("AVIF", quality=95, subsampling="4:4:4"), RED, BLUE, 6),
    "TIFF, uncompressed": (lambda: colour("TIFF"), RED, BLUE, 0),
    "TIFF, LZW": (lambda: colour("TIFF", compression="tiff_lzw"), RED, BLUE, 0),
    "TIFF, deflate": (lambda: colour("TIFF", compression="tiff_adobe_deflate"), RED, BLUE, 0),
    "TIFF, PackBits": (lambda: colour("TIFF", compression="packbits"), RED, BLUE, 0),
    "TIFF, JPEG": (lambda: colour("TIFF", compression="jpeg", quality=95), RED, BLUE, 6),
    "TIFF, fax group 3": (lambda: saved(halves("1", 0, 1), "TIFF", compression="group3"), BLACK, WHITE, 0),
    "TIFF, fax group 4": (lambda: saved(halves("1", 0, 1), "TIFF", compression="group4"), BLACK, WHITE, 0),
    "TIFF, palette": (lambda: indexed("TIFF", compression="tiff_lzw"), RED, BLUE, 0),
    "TIFF, with alpha": (lambda: clear("TIFF", compression="tiff_lzw"), WHITE, FAINT, 0),
    "TIFF, CMYK": (lambda: saved(halves("CMYK", (0,) * 4, (0, 255, 255, 0)), "TIFF"), WHITE, RED, 0),
    "TIFF, tiled": (lambda: tiled_tiff(10, 200), DARK, LIGHT, 0),
    "TIFF, white is zero": (lambda: white_is_zero_tiff(245, 55), DARK, LIGHT, 0),
    "TIFF, several pages": (lambda: animated("TIFF"), RED, BLUE, 0),
    "TIFF, BigTIFF": (lambda: colour("TIFF", big_tiff=True), RED, BLUE, 0),
    "TIFF, 16-bit grey": (lambda: deep("TIFF", (2_570, 51_400), np.uint16), DARK, LIGHT, 0),
    "TIFF, 16-bit colour": (lambda: deep_tiff((65_535, 0, 0), (2_570, 51_400, 255)), RED, (10, 200, 0), 0),
    "TIFF, 32-bit grey": (lambda: deep("TIFF", (-1_000_000, 1_000_000), np.int32), BLACK, WHITE, 0),
    "TIFF, floating grey": (lambda: deep("TIFF", (0.25, 1.0), np.float32), (64,) * 3, WHITE, 0),
    "PPM, colour": (lambda: colour("PPM"), RED, BLUE, 0),
    "PGM": (lambda: saved(halves("L", 10, 200), "PPM"), DARK, LIGHT, 0),
    "PGM, 16-bit": (lambda: deep("PPM", (2_570, 51_400), np.uint16), DARK, LIGHT, 0),
    "PBM": (lambda: saved(halves("1", 0, 1), "PPM"), BLACK, WHITE, 0),
    "PPM, written as text": (lambda: b"P3 # red, blue\n2 1 255\n255 0 0 0 0 255\n", RED, BLUE, 0),
    "PFM": (lambda: deep("PPM", (0.25, 1.0), np.float32), (64,) * 3, WHITE, 0),
    "Broken EXIF": (lambda: colour("JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff nonsense", **FINE), RED, BLUE, 3),
    "Colour profile (ICC)": (lambda: colour("PNG", icc_profile=SRGB), RED, BLUE, 0),
}  # fmt: skip


@pytest.mark.parametrize("row", TAKEN)
def test_taken(row: str) -> None:
    """A picture of this kind comes out in its colours, and its preview as well."""
    make, left, right, tolerance = TAKEN[row]
    decoded = decode(make(), LIMITS)
    shown = np.asarray(Image.open(io.BytesIO(decoded.preview)).convert("RGB")).astype(int)
    height, width, _ = shown.shape
    for x, expected in ((40, left), (260, right)):
        assert np.abs(decoded.pixels[150, x].astype(int) - expected).max() <= tolerance
        if width >= 8:
            assert np.abs(shown[height // 2, width * x // 299] - expected).max() <= tolerance + 3


def test_the_table_is_complete() -> None:
    """The rows of the document that say `taken` are those tested here."""
    text = (Path(__file__).parents[4] / "docs" / "pictures.md").read_text()
    rows = re.findall(r"^\| ([^|]+?) \| taken\b", text, re.MULTILINE)
    assert sorted(rows) == sorted(TAKEN)


def test_orientation_in_xmp() -> None:
    """Where there is no EXIF, the orientation that XMP tells is applied: 3 is upside down."""
    content = colour("JPEG", xmp=b'<x:xmpmeta tiff:Orientation="3"/>', **FINE)
    pixels = decode(content, LIMITS).pixels
    assert np.abs(pixels[150, 40].astype(int) - BLUE).max() <= 3
    assert np.abs(pixels[150, 260].astype(int) - RED).max() <= 3


def test_a_profile_changes_nothing() -> None:
    """Pixels are taken as they are stored, whatever colour space a profile says they are in."""
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert np.array_equal(decode(colour("PNG", icc_profile=wide), LIMITS).pixels, decode(colour("PNG"), LIMITS).pixels)


def test_a_preview_tells_nothing_but_its_picture() -> None:
    """Comments, profiles and EXIF, which may name places and people, are not in the preview."""
    exif = Image.Exif()
    exif[0x010E] = "SECRET place"
    content = colour("JPEG", comment=b"SECRET comment", icc_profile=SRGB, exif=exif)
    assert b"SECRET comment" in content
    preview = decode(content, LIMITS).preview
    assert b"SECRET" not in preview
    assert b"ICC_PROFILE" not in preview
