"""From a picture's bytes to the trunk's input: decoded, upright, opaque, 8 bit, 299x299, plus its preview."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from feature_extractor.decoding.colours import flatten
from feature_extractor.decoding.costs import check_costs
from feature_extractor.decoding.formats import FORMATS
from feature_extractor.decoding.orientation import turn_of
from feature_extractor.decoding.previews import encode_preview
from feature_extractor.decoding.signatures import describe, format_of
from feature_extractor.decoding.squares import INPUT_SIZE_PX, as_pixels, view, whole
from feature_extractor.decoding.truncation import forgiven, lay_out_grey
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from feature_extractor.decoding.views import Distortion

PREPROCESSING_ID = "pil-antialias-299-v1"
"""Names everything this module does to a picture; part of the fingerprint, so a change here is a new id."""

_DRAFT_SIZE_PX = 2 * INPUT_SIZE_PX

_LEAST_SEEN = 0.01
"""Fraction of a broken picture that must differ from the colour most of it has: an even grey has nothing to tell."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a picture may cost; checked from its length and header, before any pixel is decoded.

    Attributes:
        max_bytes: largest encoded size, in bytes.
        max_pixels: largest width x height as stored, in pixels.
        max_side_px: longest side as stored, in pixels. A strip of 50,000,000 x 1 is few pixels, but resizing it would
            build filter tables of hundreds of megabytes. The default is the longest side a JPEG can have.
        accept_truncated: take a picture that is cut short, or whose decoder finds damage, the missing part grey.
    """

    max_bytes: int = 20 * 2**20
    max_pixels: int = 100_000_000
    max_side_px: int = 65_535
    accept_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded picture.

    Attributes:
        pixels: uint8[299, 299, 3], RGB.
        preview: a JPEG of at most 256 px on its longer side, upright, aspect kept.
        views: uint8[299, 299, 3] for each distortion asked for, in their order.
        width_px: width in pixels as stored in the file: before orientation and before any draft.
        height_px: height in pixels as stored.
    """

    pixels: NDArray[np.uint8]
    preview: bytes
    views: tuple[NDArray[np.uint8], ...]
    width_px: int
    height_px: int


def decode(content: bytes, limits: DecodeLimits, distortions: Sequence[Distortion] = ()) -> Decoded:
    """Decode one picture, once for itself and all its views; safe to call from many threads.

    Orientation is applied, of several frames the first is taken, alpha is laid on white, embedded colour profiles are
    ignored, and the aspect ratio is not kept: the network was trained on squares. docs/pictures.md goes through the
    formats. The pixels do not depend on the views asked for.

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
        return _decode(content, limits, distortions)
    except InvalidArgumentError as error:
        if error.reason != "CORRUPT_IMAGE" or not limits.accept_truncated:
            raise
    # Only what is broken comes here: a whole picture has the same pixels whether cut ones are accepted or not.
    with forgiven():
        decoded = _decode(content, limits, distortions, on_grey=True)
    if _seen(decoded.pixels) < _LEAST_SEEN:
        raise InvalidArgumentError("next to nothing of the broken picture can be decoded", reason="CORRUPT_IMAGE")
    return decoded


def _seen(pixels: NDArray[np.uint8]) -> float:
    """Fraction that differs from the median colour.

    When next to all is missing that is the colour of what is missing, at whichever edge: a turned picture's end may
    lie anywhere, and a BMP begins at the bottom.
    """
    return float((pixels != np.median(pixels, axis=(0, 1))).any(axis=-1).mean())


def _decode(
    content: bytes, limits: DecodeLimits, distortions: Sequence[Distortion], *, on_grey: bool = False
) -> Decoded:
    with _open(content) as image:
        try:
            width_px, height_px = _stored_size(image)
            _check_size(width_px, height_px, limits)
            _load(image, on_grey=on_grey)
            turned = turn_of(image)  # after loading: a PNG may keep its EXIF behind the pixels, a TIFF turns itself
            opaque = flatten(image)  # mode L or RGB
            square = whole(opaque, turned)
            return Decoded(
                pixels=as_pixels(square),
                preview=encode_preview(opaque, turned, square),
                views=tuple(view(opaque, turned, distortion) for distortion in distortions),
                width_px=width_px,
                height_px=height_px,
            )
        except InvalidArgumentError:
            raise
        except MemoryError as error:
            raise InvalidArgumentError(
                f"decoding a picture of {image.width} x {image.height} pixels needs more memory than there is; "
                "send a smaller one",
                reason="TOO_MANY_PIXELS",
            ) from error
        except Exception as error:
            raise InvalidArgumentError(
                f"the {image.format} picture is broken or cut short: {str(error) or type(error).__name__}",
                reason="CORRUPT_IMAGE",
            ) from error


def _open(content: bytes) -> ImageFile:
    """Read the header alone."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except MemoryError as error:
        raise InvalidArgumentError(
            f"reading the header of a picture of {len(content):,} bytes needs more memory than there is; "
            "send a smaller one",
            reason="TOO_MANY_PIXELS",
        ) from error
    except Exception as error:
        claimed = format_of(content)
        if claimed in FORMATS:
            raise InvalidArgumentError(
                f"the picture starts as a {claimed}, but its header is broken or cut short", reason="CORRUPT_IMAGE"
            ) from error
        raise InvalidArgumentError(
            f"not a picture in one of the formats {', '.join(FORMATS)}: it looks like {describe(content)}",
            reason="UNSUPPORTED_FORMAT",
        ) from error


def _stored_size(image: ImageFile) -> tuple[int, int]:
    """Width and height as stored; Pillow reports a TIFF's as they will be after orientation."""
    if isinstance(image, TiffImageFile):
        return int(image.tag_v2[IMAGEWIDTH]), int(image.tag_v2[IMAGELENGTH])
    return image.size


def _check_size(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    if width_px < 1 or height_px < 1:
        raise InvalidArgumentError(f"the picture has no pixels ({width_px} x {height_px})", reason="CORRUPT_IMAGE")
    if width_px * height_px > limits.max_pixels:
        raise InvalidArgumentError(
            f"the picture has {width_px} x {height_px} = {width_px * height_px:,} pixels, "
            f"more than the {limits.max_pixels:,} allowed; send a smaller one",
            reason="TOO_MANY_PIXELS",
        )
    if max(width_px, height_px) > limits.max_side_px:
        raise InvalidArgumentError(
            f"the picture is {width_px} x {height_px} pixels; no side may be longer than {limits.max_side_px:,}",
            reason="TOO_MANY_PIXELS",
        )


def _load(image: ImageFile, *, on_grey: bool) -> None:
    """Decode the pixels of the first frame, a big JPEG's at a fraction of its resolution."""
    if isinstance(image, JpegImageFile):
        # The decoder drops 1/2, 3/4 or 7/8 of the resolution for free, as long as twice the target remains: the
        # smallest box of a view then still has half as many pixels again as the target.
        image.draft(None, (_DRAFT_SIZE_PX, _DRAFT_SIZE_PX))
    if on_grey:
        lay_out_grey(image)
    image.load()
