"""From a picture's bytes to what a frozen graph takes: its own decoding and resizing, run on one picture."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from feature_extractor.decoding.orientation import turn_of
from feature_extractor.decoding.previews import encode_preview
from feature_extractor.decoding.squares import whole
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from feature_extractor.decoding.views import Distortion

_WHITE = 255.0
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """One picture made ready for a graph.

    Attributes:
        pixels: [height, width, 3] after the graph's resizing, float32 unless that keeps the decoded uint8; for a graph
            that is run whole, object[] that holds the picture's bytes.
        preview: a JPEG of at most 256 px on its longer side, upright, aspect kept.
        views: `pixels` of each distortion asked for.
        width_px: width in pixels as stored.
        height_px: height in pixels as stored.
    """

    pixels: NDArray[Any]
    preview: bytes
    views: tuple[NDArray[Any], ...]
    width_px: int
    height_px: int


class Preparation:
    """Decodes pictures as a graph does; safe to call from many threads.

    Args:
        open_header: reads a picture's header and checks it against the limits.
        decode: bytes -> uint8[h, w, 3], the graph's decoding.
        resize: uint8[h, w, 3] -> [1, height, width, 3] of 0 to 255, what the graph does up to its resizing; None where
            the graph is run whole.
    """

    def __init__(
        self,
        open_header: Callable[[bytes], Image.Image],
        decode: Callable[[bytes], Any],
        resize: Callable[[NDArray[np.uint8]], NDArray[Any]] | None,
    ) -> None:
        self._open_header = open_header
        self._decode = decode
        self._resize = resize

    def __call__(self, content: bytes, distortions: Sequence[Distortion] = ()) -> Prepared:
        """Decode one picture and make the views of it.

        A view is cut out of the picture as the graph sees it, which knows no EXIF orientation, to whole pixels;
        mirroring and brightness come after the resizing, which is not symmetric.

        Raises:
            InvalidArgumentError: EMPTY_IMAGE, IMAGE_TOO_LARGE, TOO_MANY_PIXELS, UNSUPPORTED_FORMAT or CORRUPT_IMAGE.
            FailedPreconditionError: VIEWS_UNSUPPORTED, the graph is run whole.
        """
        if distortions and self._resize is None:
            raise FailedPreconditionError(
                "a graph that is run whole decodes each picture itself, so there is no place to distort it: ask for "
                "no views, or start the extractor with --graph-mode batched",
                reason="VIEWS_UNSUPPORTED",
            )
        with self._open_header(content) as header:
            decoded = self._pixels_of(content, header)
            upright = turn_of(header)
        picture = Image.fromarray(decoded)
        preview = encode_preview(picture, upright, whole(picture, upright))
        pixels = self._item(content, decoded)
        views = tuple(self._view(decoded, each) for each in distortions)
        return Prepared(pixels, preview, views, width_px=decoded.shape[1], height_px=decoded.shape[0])

    def _pixels_of(self, content: bytes, header: Image.Image) -> NDArray[np.uint8]:
        """uint8[h, w, 3]."""
        import tensorflow as tf

        try:
            decoded: NDArray[np.uint8] = self._decode(content)
        except tf.errors.ResourceExhaustedError as error:
            raise InvalidArgumentError(
                f"decoding a picture of {header.width} x {header.height} pixels needs more memory than there is; "
                "send a smaller one",
                reason="TOO_MANY_PIXELS",
            ) from error
        except tf.errors.OpError as error:
            raise InvalidArgumentError(
                f"the {header.format} picture is broken or cut short, or TensorFlow cannot decode it: "
                f"{_first_line(error)}",
                reason="CORRUPT_IMAGE",
            ) from error
        if decoded.ndim != _CHANNELS or decoded.shape[-1] != _CHANNELS or decoded.dtype != np.uint8:
            raise InvalidArgumentError(
                f"the graph decodes the {header.format} picture to {decoded.dtype}{list(decoded.shape)}, not to "
                "uint8[height, width, 3]; convert it to an RGB JPEG",
                reason="UNSUPPORTED_FORMAT",
            )
        return decoded

    def _item(self, content: bytes, decoded: NDArray[np.uint8]) -> NDArray[Any]:
        if self._resize is None:
            return np.array(content, dtype=object)  # object[]: stacks to object[n], where bytes would be padded
        pixels: NDArray[Any] = self._resize(decoded)[0]
        return pixels

    def _view(self, decoded: NDArray[np.uint8], how: Distortion) -> NDArray[Any]:
        """[height, width, 3], as `pixels`: cut, resized, mirrored, brightened; what exceeds white is white."""
        if self._resize is None:  # refused above
            raise FailedPreconditionError("there are no views of a graph that is run whole", reason="VIEWS_UNSUPPORTED")
        height, width = decoded.shape[:2]
        rows = _whole_pixels(how.top, how.bottom, height)
        columns = _whole_pixels(how.left, how.right, width)
        pixels = self._resize(np.ascontiguousarray(decoded[rows, columns]))[0]
        if how.mirror:
            pixels = pixels[:, ::-1]
        bright: NDArray[np.float32] = np.clip(pixels * np.float32(how.brightness), 0, np.float32(_WHITE))
        return bright if pixels.dtype.kind == "f" else np.rint(bright).astype(pixels.dtype)


def _whole_pixels(low: float, high: float, length: int) -> slice:
    """The whole pixels of a side that the fractions from `low` to `high` touch; one at least."""
    first = min(length - 1, math.floor(low * length))
    return slice(first, max(first + 1, math.ceil(high * length)))


def blank_picture(width_px: int, height_px: int) -> bytes:
    """A grey JPEG, to warm up with."""
    buffer = io.BytesIO()
    Image.new("RGB", (width_px, height_px), (127, 127, 127)).save(buffer, "JPEG")
    return buffer.getvalue()


def _first_line(error: Any) -> str:
    """What TensorFlow says, without the node that says it."""
    return str(error.message).strip().partition("\n")[0].partition(" [[")[0].removeprefix("{{").strip()
