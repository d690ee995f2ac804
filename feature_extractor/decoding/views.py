"""Extra views of a picture: the distortion each gets, drawn from digest, seed and number, and its key in the cache.

The rule is that of the 2015 retrain.py (its options flip_left_right, random_crop, random_scale, random_brightness):
blow the picture up by a margin and a random scale, cut a square of the input size out of it at a random place, mirror
it or not, multiply its brightness. docs/pictures.md writes it down.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

VIEW_RULE = "retrain-views-v1"
"""Names everything below and how a view is rendered; part of each view's key, so a change here is a new name."""

CROP_MARGIN = 0.10
"""random_crop of 10 %: the picture is 1.10 times as wide and as high as what is cut out of it."""

MAX_SCALE = 0.20
"""random_scale of 20 %: on top of the margin it is between 1 and 1.20 times as large."""

MAX_BRIGHTNESS = 0.20
"""random_brightness of 20 %: values are multiplied by a factor between 0.80 and 1.20."""

_DIGEST_BYTES = 32
_MAX_SEED = 2**64 - 1
_MAX_NUMBER = 2**32 - 1
_VIEW_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class View:
    """Which extra view of a picture is meant.

    Attributes:
        seed: 0 to 2^64 - 1; another seed gives other views.
        number: 1 to 2^32 - 1; the picture as it is has none.
    """

    seed: int
    number: int

    def __post_init__(self) -> None:
        if not (0 <= self.seed <= _MAX_SEED and 1 <= self.number <= _MAX_NUMBER):
            raise ValueError(f"no view has the seed {self.seed} and the number {self.number}")


@dataclass(frozen=True, slots=True)
class Distortion:
    """What makes a view of an upright picture: cut the box out, resize it to the input size, mirror it, brighten it.

    Attributes:
        mirror: swap left and right.
        left: left edge of the box, as a fraction of the picture's width.
        top: upper edge of the box, as a fraction of the picture's height.
        right: right edge, beyond `left`, at most 1.
        bottom: lower edge, beyond `top`, at most 1.
        brightness: factor for each value; what exceeds white is white.
    """

    mirror: bool
    left: float
    top: float
    right: float
    bottom: float
    brightness: float


def picture_key(digest: bytes, view: View | None = None) -> bytes:
    """What a picture's vector is cached under: its digest (32 bytes), and for a view 8 bytes more.

    These stand for the rule, the seed and the number, so views drawn by another rule are never taken for these.
    """
    if view is None:
        return digest
    return digest + hashlib.sha256(_name_of(view)).digest()[:_VIEW_ID_BYTES]


def draw(digest: bytes, view: View) -> Distortion:
    """The distortion of one view: the same on every machine and for ever, unlike for another digest, seed or number.

    SHA-512 over all three is the generator: its first five words of 64 bits, big-endian, are the five draws. Each
    fraction is a word's upper 53 bits over 2^53, which a double holds exactly.
    """
    if len(digest) != _DIGEST_BYTES:
        raise ValueError(f"a digest has {_DIGEST_BYTES} bytes, not {len(digest)}")
    drawn = hashlib.sha512(_name_of(view) + digest).digest()
    words = [int.from_bytes(drawn[start : start + 8], "big") for start in range(0, 40, 8)]
    scale, across, down, light = (_fraction(word) for word in words[1:])
    side = 1 / ((1 + CROP_MARGIN) * (1 + MAX_SCALE * scale))  # of the picture's width, and of its height
    left, top = across * (1 - side), down * (1 - side)
    return Distortion(
        mirror=bool(words[0] >> 63),
        left=left,
        top=top,
        right=min(1.0, left + side),
        bottom=min(1.0, top + side),
        brightness=1 + MAX_BRIGHTNESS * (2 * light - 1),
    )


def _name_of(view: View) -> bytes:
    """Rule, seed and number as bytes of one reading."""
    return VIEW_RULE.encode() + b"\0" + view.seed.to_bytes(8, "big") + view.number.to_bytes(4, "big")


def _fraction(word: int) -> float:
    """64 random bits as a number of [0, 1)."""
    return (word >> 11) / 2**53
