"""Decoding: every format and colour mode comes out upright, opaque and 299x299."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from feature_extractor.decoding import strips
from feature_extractor.decoding.colours import flatten
from feature_extractor.decoding.images import INPUT_SIZE_PX, Decoded, DecodeLimits, decode

LIMITS = DecodeLimits()
SIZE = (60, 40)
LEAST_LOSS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 98, "subsampling": "4:4:4"},
}


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture's bytes in a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(left: Any, right: Any, mode: str) -> Image.Image:
    """A picture with a left and a right half of one colour each."""
    image = Image.new(mode, SIZE, left)
    image.paste(right, (SIZE[0] // 2, 0, *SIZE))
    return image


def sides(decoded: Decoded) -> tuple[list[int], list[int]]:
    """The colours well inside the left and the right half."""
    return decoded.pixels[150, 40].tolist(), decoded.pixels[150, 260].tolist()


def near(found: list[int], expected: list[int], tolerance: int = 0) -> bool:
    """Whether two colours agree within a tolerance for each channel."""
    return max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG", "AVIF"])
def test_every_format_decodes(kind: str) -> None:
    """A red and blue picture keeps its colours and its stored size in each supported format."""
    options = LEAST_LOSS.get(kind, {})
    decoded = decode(encoded(halves("red", "blue", "RGB"), kind, **options), LIMITS)
    left, right = sides(decoded)
    assert near(left, [255, 0, 0], 3)
    assert near(right, [0, 0, 255], 3)
    assert decoded.pixels.shape == (INPUT_SIZE_PX, INPUT_SIZE_PX, 3)
    assert decoded.pixels.dtype == np.uint8
    assert (decoded.width_px, decoded.height_px) == SIZE


def palette(transparent: int | None) -> bytes:
    """A palette PNG: index 0 red, index 1 blue, one of them perhaps transparent."""
    image = halves(0, 1, "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    return encoded(image, "PNG", **({} if transparent is None else {"transparency": transparent}))


@pytest.mark.parametrize(
    ("content", "left", "right"),
    [
        (encoded(halves(0, 1, "1"), "PNG"), [0] * 3, [255] * 3),
        (encoded(halves(10, 200, "L"), "PNG"), [10] * 3, [200] * 3),
        (encoded(halves(10, 200, "L"), "PNG", transparency=10), [255] * 3, [200] * 3),
        (palette(None), [255, 0, 0], [0, 0, 255]),
        (palette(0), [255, 255, 255], [0, 0, 255]),
        (encoded(halves((0, 0), (0, 255), "LA"), "PNG"), [255] * 3, [0] * 3),
        (encoded(halves((0, 0, 0, 0), (0, 0, 0, 51), "RGBA"), "PNG"), [255] * 3, [204] * 3),
        (encoded(halves((1, 2, 3), (9, 9, 9), "RGB"), "PNG", transparency=(1, 2, 3)), [255] * 3, [9] * 3),
        (encoded(halves((0, 0, 0, 0), (255, 0, 0, 0), "CMYK"), "TIFF"), [255] * 3, [0, 255, 255]),
    ],
    ids=["1", "L", "L+tRNS", "P", "P+tRNS", "LA", "RGBA", "RGB+tRNS", "CMYK"],
)
def test_every_mode_becomes_opaque_rgb(content: bytes, left: list[int], right: list[int]) -> None:
    """Grey, palettes, alpha and CMYK come out as the colours an eye sees on white paper."""
    assert sides(decode(content, LIMITS)) == (left, right)


def test_transparent_gif_is_laid_on_white() -> None:
    """A GIF's transparent index shows the white below."""
    image = halves(0, 1, "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert sides(decode(encoded(image, "GIF", transparency=0), LIMITS)) == ([255, 255, 255], [0, 0, 255])


def test_palette_with_alpha_channel() -> None:
    """Mode PA, which no writer here produces, is flattened like the others."""
    image = halves((1, 0), (1, 255), "PA")
    image.putpalette([255, 0, 0, 0, 0, 255])
    flat = flatten(image)
    assert flat.getpixel((5, 5)) == (255, 255, 255)
    assert flat.getpixel((55, 5)) == (0, 0, 255)


def test_adobe_cmyk_jpeg() -> None:
    """A CMYK JPEG, stored inverted as Adobe does, is white where there is no ink."""
    content = encoded(halves((0, 0, 0, 0), (0, 255, 255, 0), "CMYK"), "JPEG", quality=95)
    left, right = sides(decode(content, LIMITS))
    assert near(left, [255, 255, 255], 4)
    assert near(right, [255, 0, 0], 4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    """Half of 65535 is half of 255: clipping would make both halves white."""
    values = np.full(SIZE[::-1], 32_896, np.uint16)  # 128 * 257
    values[:, : SIZE[0] // 2] = 2_570  # 10 * 257
    assert sides(decode(encoded(Image.fromarray(values), kind), LIMITS)) == ([10] * 3, [128] * 3)


@pytest.mark.parametrize(
    ("values", "left", "right"),
    [
        (np.array([[-1_000_000, 1_000_000]], np.int32), 0, 255),
        (np.array([[0.25, 1.0]], np.float32), 64, 255),
        (np.array([[-3.0, 5.0]], np.float32), 0, 255),
        (np.array([[np.nan, 1.0]], np.float32), 0, 255),
        (np.array([[np.nan, np.nan]], np.float32), 0, 0),
    ],
    ids=["int32", "fractions", "floats", "nan", "all-nan"],
)
def test_deeper_grey_is_stretched(values: np.ndarray[Any, Any], left: int, right: int) -> None:
    """A TIFF of 32-bit numbers uses the whole range of 8 bits, and never fails on what is not a number."""
    wide = np.repeat(np.repeat(values, 30, axis=1), 40, axis=0)
    assert sides(decode(encoded(Image.fromarray(wide), "TIFF"), LIMITS)) == ([left] * 3, [right] * 3)


def test_first_frame_is_taken() -> None:
    """An animation counts as its first frame."""
    red, blue = Image.new("RGB", SIZE, "red"), Image.new("RGB", SIZE, "blue")
    for kind in ("GIF", "WEBP", "TIFF"):
        content = encoded(red, kind, save_all=True, append_images=[blue], **LEAST_LOSS.get(kind, {}))
        assert sides(decode(content, LIMITS)) == ([255, 0, 0], [255, 0, 0])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    """A picture stored turned or mirrored gives the pixels and the preview of the upright one, its size as stored."""
    ramp = np.zeros((64, 96, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 250, 96, dtype=np.uint8)
    ramp[..., 1] = np.linspace(0, 250, 64, dtype=np.uint8)[:, None]
    upright = Image.fromarray(ramp)
    undo = [
        None, None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_270,
    ][orientation]  # fmt: skip
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(stored, kind, exif=exif, **LEAST_LOSS.get(kind, {})), LIMITS)
    expected = decode(encoded(upright, "PNG"), LIMITS)
    difference = np.abs(decoded.pixels.astype(int) - expected.pixels.astype(int))
    assert difference.max() <= (6 if kind in ("JPEG", "AVIF") else 1)
    assert Image.open(io.BytesIO(decoded.preview)).size == (96, 64)
    assert (decoded.width_px, decoded.height_px) == stored.size


def test_resizing_is_antialiased_bilinear_without_aspect() -> None:
    """The pixels are those of Pillow's filter on the whole picture."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    expected = np.asarray(image.resize((299, 299), Image.Resampling.BILINEAR))
    assert np.array_equal(decode(encoded(image, "PNG"), LIMITS).pixels, expected)


def test_large_pictures_are_flattened_like_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working strip by strip, even a row at a time, changes no pixel of any mode."""
    ramp = np.arange(90 * 70, dtype=np.float32).reshape(70, 90)
    wide = [
        Image.fromarray(ramp - 9),
        Image.fromarray(ramp.astype(np.int32) * 99),
        Image.fromarray(ramp.astype(np.uint16)),
    ]
    noise = Image.effect_noise((90, 70), 99)
    colours = [Image.merge(mode, [noise] * len(mode)) for mode in ("LA", "RGBA", "CMYK")]
    indexed = noise.convert("P")
    indexed.info["transparency"] = 99
    pictures = [*wide, *colours, noise.convert("YCbCr"), noise.convert("P"), indexed]
    expected = [np.asarray(flatten(picture)) for picture in pictures]
    monkeypatch.setattr(strips, "STRIP_PIXELS", 1)
    assert all(flatten(picture) is picture for picture in (noise, Image.merge("RGB", [noise] * 3)))
    for picture, whole in zip(pictures, expected, strict=True):
        assert np.array_equal(np.asarray(flatten(picture)), whole)


def test_draft_keeps_the_picture_and_the_stored_size() -> None:
    """A big JPEG is decoded at a fraction of its resolution, which changes its 299 pixels hardly at all."""
    y, x = np.mgrid[0:1800, 0:2400]
    smooth = np.stack([x / 10, y / 8, (x + y) / 20], axis=-1).astype(np.uint8)
    decoded = decode(encoded(Image.fromarray(smooth), "JPEG", quality=95), LIMITS)
    expected = np.asarray(Image.fromarray(smooth).resize((299, 299), Image.Resampling.BILINEAR)).astype(int)
    assert (decoded.width_px, decoded.height_px) == (2400, 1800)
    assert np.abs(decoded.pixels - expected).max() <= 4


@pytest.mark.parametrize(
    ("size", "preview"), [((1000, 500), (256, 128)), ((92, 112), (92, 112)), ((1, 3000), (1, 256))]
)
def test_preview_is_a_small_jpeg_that_keeps_the_aspect(size: tuple[int, int], preview: tuple[int, int]) -> None:
    """A preview is at most 256 px and never larger than the picture."""
    decoded = decode(encoded(Image.new("RGB", size, "green"), "PNG"), LIMITS)
    shown = Image.open(io.BytesIO(decoded.preview))
    assert shown.format == "JPEG"
    assert shown.size == preview


def test_decoding_from_many_threads_gives_the_same() -> None:
    """Threads that decode at once do not disturb each other."""
    contents = [encoded(halves(colour, "white", "RGB"), "PNG") for colour in ("red", "green", "blue", "black")] * 8
    alone = [decode(content, LIMITS).pixels for content in contents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda content: decode(content, LIMITS).pixels, contents))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
