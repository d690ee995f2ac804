"""Views: what is drawn never changes, what is rendered is what was drawn, and keys tell views apart."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, JpegImagePlugin

from feature_extractor.decoding.images import DecodeLimits, decode
from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.decoding.views import (
    CROP_MARGIN,
    MAX_BRIGHTNESS,
    MAX_SCALE,
    VIEW_RULE,
    Distortion,
    View,
    draw,
    picture_key,
)

LIMITS = DecodeLimits()
DIGEST = hashlib.sha256(b"a picture").digest()
SMALLEST_CROP = 1 / ((1 + CROP_MARGIN) * (1 + MAX_SCALE))  # of the picture's width and height, about 0.758
NOTHING = Distortion(mirror=False, left=0, top=0, right=1, bottom=1, brightness=1)

FIRST = Distortion(
    mirror=False,
    left=0.10936390614614135,
    top=0.07974504237356365,
    right=0.8895143172850088,
    bottom=0.8598954535124311,
    brightness=0.9841028663196073,
)
LAST = Distortion(
    mirror=False,
    left=0.0476102680409107,
    top=0.08793674904946087,
    right=0.9562843826064981,
    bottom=0.9966108636150482,
    brightness=1.0291660640510674,
)

digests = st.binary(min_size=32, max_size=32)
views = st.builds(View, st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1))


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """A PNG of these pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(width: int = 400, height: int = 320) -> np.ndarray[Any, Any]:
    """uint8[height, width, 3] without any symmetry."""
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_draws_are_frozen() -> None:
    """Cached views stay what they are only if these very numbers are drawn for ever, on any machine."""
    assert VIEW_RULE == "retrain-views-v1"
    assert draw(DIGEST, View(0, 1)) == FIRST
    assert draw(DIGEST, View(2**64 - 1, 2**32 - 1)) == LAST


def test_keys_are_frozen() -> None:
    """The key of a picture is its digest, that of a view the digest and eight bytes that never change."""
    assert picture_key(DIGEST) == DIGEST
    assert picture_key(DIGEST, View(0, 1)) == DIGEST + bytes.fromhex("8d063009d1b3bb4f")
    assert picture_key(bytes(32), View(7, 3)) == bytes(32) + bytes.fromhex("6cd935de3a6cbd83")


@given(digests, views)
def test_draws_keep_to_the_rule(digest: bytes, view: View) -> None:
    """A box lies within the picture, the same fraction of both sides, no smaller than promised."""
    drawn = draw(digest, view)
    width, height = drawn.right - drawn.left, drawn.bottom - drawn.top
    assert 0 <= drawn.left < drawn.right <= 1
    assert 0 <= drawn.top < drawn.bottom <= 1
    assert width == pytest.approx(height)
    assert SMALLEST_CROP - 1e-9 <= width <= 1 / (1 + CROP_MARGIN) + 1e-9
    assert 1 - MAX_BRIGHTNESS <= drawn.brightness <= 1 + MAX_BRIGHTNESS


@given(digests, digests, views, views)
def test_other_digests_seeds_and_numbers_draw_otherwise(digest: bytes, other: bytes, view: View, second: View) -> None:
    """The same three give the same distortion and key, any other three give others."""
    assert draw(digest, view) == draw(digest, View(view.seed, view.number))
    assert (draw(digest, view) == draw(other, second)) == ((digest, view) == (other, second))
    assert (picture_key(digest, view) == picture_key(other, second)) == ((digest, view) == (other, second))


def test_draws_are_spread_evenly() -> None:
    """Over many views half are mirrored, and place, scale and brightness have the means of even distributions."""
    drawn = [draw(DIGEST, View(1, number)) for number in range(1, 4001)]
    sides = np.array([each.right - each.left for each in drawn])
    scales = 1 / sides / (1 + CROP_MARGIN) - 1
    lefts = [each.left / (1 - side) for each, side in zip(drawn, sides, strict=True)]
    tops = [each.top / (1 - side) for each, side in zip(drawn, sides, strict=True)]
    assert np.mean([each.mirror for each in drawn]) == pytest.approx(0.5, abs=0.03)
    assert np.mean(lefts) == pytest.approx(0.5, abs=0.02)
    assert np.mean(tops) == pytest.approx(0.5, abs=0.02)
    assert np.mean(scales) == pytest.approx(MAX_SCALE / 2, abs=0.01)
    assert np.mean([each.brightness for each in drawn]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("seed", "number"), [(-1, 1), (2**64, 1), (0, 0), (0, 2**32)])
def test_views_that_cannot_be(seed: int, number: int) -> None:
    """Seeds have 64 bits; number 0 is the picture itself, which is no view."""
    with pytest.raises(ValueError, match="no view"):
        View(seed, number)


def test_draw_wants_a_digest() -> None:
    """A key given where a digest belongs would silently draw other views."""
    with pytest.raises(ValueError, match="32 bytes"):
        draw(picture_key(DIGEST, View(0, 1)), View(0, 1))


def test_views_leave_the_picture_alone() -> None:
    """The picture has the same pixels and preview whether views are asked for or not, and views come in their order."""
    content = png(noise())
    drawn = [draw(DIGEST, View(3, number)) for number in (1, 2, 3)]
    alone, together = decode(content, LIMITS), decode(content, LIMITS, drawn)
    assert np.array_equal(alone.pixels, together.pixels)
    assert alone.preview == together.preview
    assert alone.views == ()
    for distortion, view in zip(drawn, together.views, strict=True):
        assert np.array_equal(view, decode(content, LIMITS, [distortion]).views[0])


@settings(max_examples=25)
@given(digests, views)
def test_each_view_is_its_own_and_repeats(digest: bytes, view: View) -> None:
    """A view is uint8[299, 299, 3], differs from the picture and from the next view, and comes out the same again."""
    content = png(noise(90, 70))
    following = View(view.seed, view.number % 1000 + 1)
    first, second = (decode(content, LIMITS, [draw(digest, each)]).views[0] for each in (view, following))
    assert (first.shape, first.dtype) == ((INPUT_SIZE_PX, INPUT_SIZE_PX, 3), np.uint8)
    assert np.array_equal(first, decode(content, LIMITS, [draw(digest, view)]).views[0])
    assert np.array_equal(first, second) == (view == following)
    assert not np.array_equal(first, decode(content, LIMITS).pixels)


def test_no_distortion_is_the_picture() -> None:
    """The whole box, not mirrored, at its brightness, is the picture itself."""
    decoded = decode(png(noise()), LIMITS, [NOTHING])
    assert np.array_equal(decoded.views[0], decoded.pixels)


def test_box_mirror_and_brightness() -> None:
    """The box is cut out of the picture in one resampling, then mirrored, then multiplied and clipped."""
    pixels = noise(400, 320)
    distortion = Distortion(mirror=True, left=0.25, top=0.125, right=0.75, bottom=0.625, brightness=1.2)
    cut = Image.fromarray(pixels).resize((299, 299), Image.Resampling.BILINEAR, box=(100, 40, 300, 200))
    expected = np.clip(np.rint(np.asarray(cut)[:, ::-1] * 1.2), 0, 255).astype(np.uint8)
    assert np.array_equal(decode(png(pixels), LIMITS, [distortion]).views[0], expected)
    assert expected.max() == 255


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "24a7ab2a4be0015f1d456344795ff490"), (2, "e0453faa3fc946ff71233d99cd435a8d")],
)
def test_rendering_is_frozen(number: int, expected: str) -> None:
    """The pixels of a view change with the rule's name alone: vectors are cached by it."""
    y, x = np.mgrid[0:150, 0:200]
    pixels = np.stack([(x * 5 + y * 3) % 256, (x * y) % 256, 255 - x], axis=-1).astype(np.uint8)
    view = decode(png(pixels), LIMITS, [draw(DIGEST, View(11, number))]).views[0]
    assert hashlib.sha256(view.tobytes()).hexdigest()[:32] == expected


def test_grey_pictures_have_views_too() -> None:
    """A grey picture's view has three equal channels."""
    view = decode(png(noise()[..., 0]), LIMITS, [draw(DIGEST, View(0, 1))]).views[0]
    assert np.array_equal(view[..., 0], view[..., 1])
    assert np.array_equal(view[..., 0], view[..., 2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_those_of_the_upright_picture(orientation: int) -> None:
    """However a picture is stored, its view is that of the upright one."""
    ramp = np.zeros((80, 120, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 250, 120, dtype=np.uint8)
    ramp[..., 1] = np.linspace(0, 250, 80, dtype=np.uint8)[:, None]
    upright = Image.fromarray(ramp)
    undo = [
        None, None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_270,
    ][orientation]  # fmt: skip
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif)
    distortion = Distortion(mirror=False, left=0.1, top=0.3, right=0.7, bottom=0.8, brightness=1)
    view = decode(buffer.getvalue(), LIMITS, [distortion]).views[0]
    expected = decode(png(ramp), LIMITS, [distortion]).views[0]
    assert np.abs(view.astype(int) - expected.astype(int)).max() <= 1


def test_reduced_jpeg_leaves_enough_for_the_smallest_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """However far a JPEG is reduced while decoding, the smallest box of a view still has more pixels than the input."""
    sizes: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def noted(self: ImageFile.ImageFile) -> Any:
        if isinstance(self, JpegImagePlugin.JpegImageFile) and self.tile:
            sizes.append(self.size)
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noted)
    for size in [(2400, 1800), (1199, 4000), (4790, 4790), (598, 5000), (1196, 1196)]:
        buffer = io.BytesIO()
        Image.new("L", size).save(buffer, "JPEG")
        decode(buffer.getvalue(), LIMITS)
    assert len(sizes) == 5
    assert min(min(size) for size in sizes) * SMALLEST_CROP >= 1.5 * INPUT_SIZE_PX
