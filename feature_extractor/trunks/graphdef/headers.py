"""A picture's header, read before TensorFlow sees any of its bytes: format and limits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from feature_extractor.decoding.costs import check_costs
from feature_extractor.decoding.formats import FORMATS
from feature_extractor.decoding.signatures import describe, format_of
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.decoding.images import DecodeLimits

_ANIMATED = ("GIF", "PNG")


def open_header(content: bytes, limits: DecodeLimits, formats: Sequence[str]) -> Image.Image:
    """The picture with its header read; of those formats, which the graph's own decoding takes.

    Raises:
        InvalidArgumentError: EMPTY_IMAGE, IMAGE_TOO_LARGE, TOO_MANY_PIXELS, UNSUPPORTED_FORMAT or CORRUPT_IMAGE.
    """
    if not content:
        raise InvalidArgumentError("the picture is empty (0 bytes)", reason="EMPTY_IMAGE")
    if len(content) > limits.max_bytes:
        raise InvalidArgumentError(
            f"the picture has {len(content):,} bytes, more than the {limits.max_bytes:,} allowed; send a smaller one",
            reason="IMAGE_TOO_LARGE",
        )
    check_costs(content)
    try:
        image = Image.open(io.BytesIO(content), formats=[each for each in FORMATS if each in formats])
    except Exception as error:
        raise _refusal(content, formats) from error
    try:
        _check(image, limits)
    except InvalidArgumentError:
        image.close()
        raise
    return image


def _refusal(content: bytes, formats: Sequence[str]) -> InvalidArgumentError:
    claimed = format_of(content)
    if claimed in formats:
        return InvalidArgumentError(
            f"the picture starts as a {claimed}, but its header is broken or cut short", reason="CORRUPT_IMAGE"
        )
    looks = f"a {claimed} picture" if claimed else describe(content)
    return InvalidArgumentError(
        f"this trunk is a frozen graph that decodes pictures itself, and it takes {', '.join(formats)} only: this "
        f"looks like {looks}; convert it to JPEG",
        reason="UNSUPPORTED_FORMAT",
    )


def _check(image: Image.Image, limits: DecodeLimits) -> None:
    width_px, height_px = image.size
    if width_px < 1 or height_px < 1:
        raise InvalidArgumentError(f"the picture has no pixels ({width_px} x {height_px})", reason="CORRUPT_IMAGE")
    if width_px * height_px > limits.max_pixels or max(width_px, height_px) > limits.max_side_px:
        raise InvalidArgumentError(
            f"the picture is {width_px} x {height_px} = {width_px * height_px:,} pixels; at most "
            f"{limits.max_pixels:,} are allowed, and no side longer than {limits.max_side_px:,}; send a smaller one",
            reason="TOO_MANY_PIXELS",
        )
    # A JPEG's further pictures, which phones append, come after the first one, and are not looked at.
    if image.format in _ANIMATED and getattr(image, "is_animated", False):
        raise InvalidArgumentError(
            f"the {image.format} picture has several frames, and this trunk, a frozen graph, decodes no animations; "
            "send one frame",
            reason="UNSUPPORTED_FORMAT",
        )
