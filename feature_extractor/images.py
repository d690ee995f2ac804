"""From a picture's bytes to the trunk's input: decoded, upright, opaque, 8 bit, 299x299, plus its preview."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import (
    BmpImagePlugin,  # noqa: F401  # importing registers the format; `formats=` below finds only what is registered
    GifImagePlugin,  # noqa: F401  # as above
    Image,
    PngImagePlugin,  # noqa: F401  # as above
    PpmImagePlugin,  # noqa: F401  # as above
    TiffImagePlugin,
    WebPImagePlugin,  # noqa: F401  # as above
)
from PIL.JpegImagePlugin import JpegImageFile

from feature_extractor.colours import flatten
from feature_extractor.orientation import turn, turn_of
from feature_extractor.previews import encode_preview
from feature_extractor.signatures import describe, format_of
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREPROCESSING_ID = "pil-antialias-299-v1"
"""Names everything this module does to a picture; part of the fingerprint, so a change here is a new id."""

INPUT_SIZE_PX = 299
"""Width and height of the trunk's input in pixels."""

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""The only Pillow decoders that ever see a stranger's bytes (PPM covers PBM and PGM)."""

_DRAFT_SIZE_PX = 2 * INPUT_SIZE_PX

# The limits are DecodeLimits', checked for each picture below; Pillow's process-wide one would refuse or warn first.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns about a stranger's odd tags, in their own words; they belong in no log of ours.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a picture may cost; checked from its length and header, before any pixel is decoded.

    Attributes:
        max_bytes: largest encoded size, in bytes.
        max_pixels: largest width x height as stored, in pixels.
        max_side_px: longest side as stored, in pixels. A strip of 50,000,000 x 1 is few pixels, but resizing it would
            build filter tables of hundreds of megabytes. The default is the longest side a JPEG can have.
    """

    max_bytes: int = 20 * 2**20
    max_pixels: int = 100_000_000
    max_side_px: int = 65_535


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded picture.

    Attributes:
        pixels: uint8[299, 299, 3], RGB.
        preview: a JPEG of at most 256 px on its longer side, upright, aspect kept.
        width_px: width in pixels as stored in the file: before orientation and before any draft.
        height_px: height in pixels as stored.
    """

    pixels: NDArray[np.uint8]
    preview: bytes
    width_px: int
    height_px: int


def decode(content: bytes, limits: DecodeLimits) -> Decoded:
    """Decode one picture; safe to call from many threads.

    Orientation is applied, of several frames the first is taken, alpha is laid on white, embedded colour profiles are
    ignored, and the aspect ratio is not kept: the network was trained on squares.

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
    with _open(content) as image:
        try:
            width_px, height_px = _stored_size(image)
            _check_size(width_px, height_px, limits)
            pixels, preview = _pixels_and_preview(image)
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
    return Decoded(pixels=pixels, preview=preview, width_px=width_px, height_px=height_px)


def _open(content: bytes) -> Image.Image:
    """Read the header alone."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception as error:
        claimed = format_of(content)
        if claimed is not None:
            raise InvalidArgumentError(
                f"the picture starts as a {claimed}, but its header is broken or cut short", reason="CORRUPT_IMAGE"
            ) from error
        raise InvalidArgumentError(
            f"not a picture in one of the formats {', '.join(FORMATS)}: it looks like {describe(content)}",
            reason="UNSUPPORTED_FORMAT",
        ) from error


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as stored; Pillow reports a TIFF's as they will be after orientation."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2[TiffImagePlugin.IMAGEWIDTH]), int(image.tag_v2[TiffImagePlugin.IMAGELENGTH])
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


def _pixels_and_preview(image: Image.Image) -> tuple[NDArray[np.uint8], bytes]:
    """Decode the pixels; returns uint8[299, 299, 3] and the preview's JPEG bytes."""
    if isinstance(image, JpegImageFile):
        # The decoder drops 1/2, 3/4 or 7/8 of the resolution for free, as long as twice the target remains.
        image.draft(None, (_DRAFT_SIZE_PX, _DRAFT_SIZE_PX))
    image.load()
    turned = turn_of(image)  # after load(): a PNG may keep its EXIF behind the pixels, a TIFF turns itself
    opaque = flatten(image)  # mode L or RGB
    square = opaque.resize((INPUT_SIZE_PX, INPUT_SIZE_PX), Image.Resampling.BILINEAR)
    # Turning the small square gives what resizing the turned picture would, for a fraction of the memory traffic.
    pixels = np.array(turn(square, turned).convert("RGB"), dtype=np.uint8)
    return pixels, encode_preview(opaque, turned)
