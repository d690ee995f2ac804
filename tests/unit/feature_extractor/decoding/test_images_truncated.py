"""Pictures cut short, where they are accepted: what is there is seen, what is missing is grey, and no other changes."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from feature_extractor.decoding.images import DecodeLimits, decode
from feature_extractor.decoding.views import View, draw
from graft.errors import InvalidArgumentError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pytest undoes the filter that the module sets

STRICT = DecodeLimits()
LENIENT = DecodeLimits(accept_truncated=True)
GREY = (128, 128, 128)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture's bytes in a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def cut(content: bytes, kept: float = 0.5) -> bytes:
    """The first part of a file."""
    return content[: int(len(content) * kept)]


DEEP = Image.fromarray(np.random.default_rng(0).integers(0, 65_536, (300, 400), dtype=np.uint16))
PALETTE = Image.effect_noise((400, 300), 90).convert("P")
NOISE = Image.effect_noise((400, 300), 90)
COLOUR = Image.merge("RGB", [Image.effect_noise((400, 300), 90) for _ in range(3)])
SOLID = Image.merge("RGBA", [*COLOUR.split(), Image.new("L", (400, 300), 255)])

# What the lower edge looks like when half of the file is missing.
ACCEPTED = {
    "JPEG": (saved(COLOUR, "JPEG"), GREY),
    "PNG": (saved(COLOUR, "PNG"), GREY),
    "PNG with alpha": (saved(SOLID, "PNG"), GREY),
    "PNG of 16 bits": (saved(DEEP, "PNG"), GREY),
    "PNG with a palette": (saved(PALETTE, "PNG"), tuple((PALETTE.getpalette() or [])[:3])),
    "BMP": (saved(COLOUR, "BMP"), None),  # from the bottom up: its upper edge is what is missing
    "GIF": (saved(NOISE, "GIF", interlace=0), (0, 0, 0)),
    "TIFF, uncompressed": (saved(COLOUR, "TIFF"), GREY),
    "PPM": (saved(COLOUR, "PPM"), GREY),
    "PGM": (saved(NOISE, "PPM"), GREY),
}
REFUSED = {
    "WebP": saved(COLOUR, "WEBP"),
    "AVIF": saved(COLOUR, "AVIF", speed=10),
    "TIFF, compressed": saved(COLOUR, "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_missing_part_is_grey(name: str) -> None:
    """What the file holds is as in the whole picture; the rest is grey, or what the format has in its place."""
    content, missing = ACCEPTED[name]
    whole, part = decode(content, STRICT).pixels, decode(cut(content), LENIENT).pixels
    same = (np.abs(whole.astype(int) - part.astype(int)).max(axis=(1, 2)) <= 1).sum()
    assert 299 * 0.3 < same < 299 * 0.7
    if missing is not None:
        assert np.abs(part[298].astype(int) - missing).max() <= 1


def test_progressive_jpeg_lacks_detail_alone() -> None:
    """Half of a progressive JPEG is the whole picture, less sharp."""
    smooth = Image.linear_gradient("L").resize((400, 300))
    content = saved(smooth, "JPEG", progressive=True, quality=95)
    difference = decode(cut(content, 0.7), LENIENT).pixels.astype(int) - decode(content, STRICT).pixels
    assert np.abs(difference).max() < 30


@pytest.mark.parametrize("name", REFUSED)
def test_some_formats_cannot_be_completed(name: str) -> None:
    """Decoders that give nothing before they have seen everything refuse even so."""
    with pytest.raises(InvalidArgumentError) as caught:
        decode(cut(REFUSED[name]), LENIENT)
    assert caught.value.reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_not_accepted_unless_asked_for(name: str) -> None:
    """The same halves are refused by limits that do not accept them, also after some that did."""
    content = cut(ACCEPTED[name][0] if name in ACCEPTED else REFUSED[name])
    with pytest.raises(InvalidArgumentError) as caught:
        decode(content, STRICT)
    assert caught.value.reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize(
    ("kind", "marker", "behind"), [("JPEG", b"\xff\xda", 14), ("PNG", b"IDAT", 10), ("BMP", b"BM", 60)]
)
def test_nothing_left_is_refused(kind: str, marker: bytes, behind: int) -> None:
    """A picture of which nothing but the header arrived would be an even grey, like any other such picture."""
    content = saved(COLOUR, kind)
    with pytest.raises(InvalidArgumentError, match="next to nothing of the broken picture") as caught:
        decode(content[: content.index(marker) + behind], LENIENT)
    assert caught.value.reason == "CORRUPT_IMAGE"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("size", "kept"), [((1200, 900), 0.006), ((300, 4800), 0.003)], ids=["blocks", "rows"])
def test_next_to_nothing_is_refused_however_it_is_turned(size: tuple[int, int], kept: float, orientation: int) -> None:
    """What little was decoded may come to lie in any corner or along any edge of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.effect_noise(size, 90), "JPEG", exif=exif)
    with pytest.raises(InvalidArgumentError, match="next to nothing of the broken picture"):
        decode(cut(content, kept), LENIENT)
    assert decode(cut(content, 0.05), LENIENT)


def test_next_to_nothing_of_a_picture_from_the_bottom_up() -> None:
    """A BMP begins with its lowest row: its lower edge is there and everything else is missing."""
    content = saved(Image.effect_noise((300, 4800), 90).convert("RGB"), "BMP")
    with pytest.raises(InvalidArgumentError, match="next to nothing of the broken picture"):
        decode(cut(content, 0.002), LENIENT)
    assert decode(cut(content, 0.05), LENIENT)


def test_whole_pictures_are_the_same() -> None:
    """Accepting what is cut changes nothing about what is whole."""
    for content, _ in ACCEPTED.values():
        assert np.array_equal(decode(content, LENIENT).pixels, decode(content, STRICT).pixels)


def test_views_of_a_cut_picture() -> None:
    """Views are cut out of the completed picture."""
    drawn = [draw(bytes(32), View(0, number)) for number in (1, 2)]
    decoded = decode(cut(saved(COLOUR, "JPEG")), LENIENT, drawn)
    assert len(decoded.views) == 2
    assert not np.array_equal(decoded.views[0], decoded.views[1])


def test_leniency_stays_in_its_thread() -> None:
    """While one thread loads a cut picture leniently, another refuses the same one; the two really overlap."""
    content = cut(saved(COLOUR, "JPEG"))
    barrier = threading.Barrier(2, timeout=30)
    load = ImageFile.ImageFile.load
    held = threading.local()

    def meeting(self: ImageFile.ImageFile) -> Any:
        if not getattr(held, "done", False) and (bool(ImageFile.LOAD_TRUNCATED_IMAGES) or held.strict):
            held.done = True
            barrier.wait()
        return load(self)

    def outcome(limits: DecodeLimits) -> str:
        held.strict = not limits.accept_truncated
        try:
            decode(content, limits)
        except InvalidArgumentError as error:
            return error.reason
        return "ok"

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(ImageFile.ImageFile, "load", meeting)
        assert list(pool.map(outcome, (LENIENT, STRICT))) == ["ok", "CORRUPT_IMAGE"]
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
