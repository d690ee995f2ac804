"""Thumbnails of previews: a copy's correlates, another picture's does not, and a missing one is zeros."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trainer.diagnosis import thumbnails
from trainer.diagnosis.copies import ALIKE, SAME_EDGES
from trainer.diagnosis.sameness import same_edges
from trainer.diagnosis.thumbnails import correlatable, read_thumbnails

pytestmark = pytest.mark.tensorflow


def _picture(seed: int) -> Image.Image:
    """Smooth shapes, as photographs have."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC)


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_copies_correlate_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Re-encoded and resized copies of a picture, another picture, a grey one, one of one colour, and none."""
    monkeypatch.setattr(thumbnails, "_PREVIEWS", 3)
    original = _picture(1)
    previews = {
        b"original": _jpeg(original),
        b"encoded": _jpeg(original, 30),
        b"smaller": _jpeg(original.resize((120, 90))),
        b"grey": _jpeg(original.convert("L")),
        b"other": _jpeg(_picture(2)),
        b"flat": _jpeg(Image.new("RGB", (50, 50), "red")),
    }
    told: list[tuple[int, int]] = []
    asked = [*previews, b"none"]
    read = read_thumbnails(
        lambda digests: [previews.get(each, b"") for each in digests], asked, lambda *n: told.append(n)
    )
    correlated = correlatable(read)
    like = dict(zip(asked, correlated @ correlated[0], strict=True))
    edges = same_edges(read, np.array([[0, row] for row in range(len(asked))], np.int32))
    same = dict(zip(asked, edges, strict=True))
    copies = (b"encoded", b"smaller", b"grey")
    assert min(like[name] for name in copies) >= ALIKE
    assert min(same[name] for name in copies) >= SAME_EDGES
    assert like[b"other"] < 0.9
    assert same[b"other"] < 0.5
    assert not correlated[-2:].any()
    assert not read[-1].any()
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_large_previews_are_read_as_small_ones() -> None:
    """A preview that is halved while it is decoded has the same thumbnail as one that is decoded whole."""
    original = _picture(1)
    sizes = [(width, width * 3 // 4) for width in (96, 192, 256)]
    previews = [_jpeg(original.resize(size, Image.Resampling.BOX), 95) for size in sizes]
    read = read_thumbnails(lambda _digests: previews, [b"small", b"halved", b"whole"])
    assert np.abs(read.astype(int) - read[0].astype(int)).mean() < 2
