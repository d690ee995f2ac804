"""Thumbnails: 32 by 32 grey values of a picture, by which a copy is told from a relative.

Re-encoding and resizing hardly change what is left at this size, while another photograph of the same thing differs in
pose, light or frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray

    ByteArray = NDArray[np.uint8]

SIDE_PX: Final = 32
_COARSE_PX: Final = 16  # side of what is correlated first
_PREVIEWS: Final = 1024  # asked for at once, some 10 MB
_FLAT: Final = 3.0  # standard deviation of grey values, of 255, below which there is nothing to compare
_MIN_SCALED_PX: Final = 64  # side to which a preview may be halved while it is decoded: twice that of a thumbnail
_RATIOS: Final = (4, 2)  # by which libjpeg reduces a picture at no cost, as the mean of its pixels
_BLOCK: Final = 4096


def read_thumbnails(
    previews: Callable[[Sequence[bytes]], list[bytes]],
    digests: Sequence[bytes],
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> ByteArray:
    """Return uint8[n, 1024]: the thumbnail of each picture, row by row; zeros for one without a preview.

    Args:
        previews: returns the JPEG of each digest, empty for one that has none.
        digests: of the pictures, each 32 bytes.
        report: told how many of how many are read; what it raises ends the reading.
    """
    read = np.zeros((len(digests), SIDE_PX * SIDE_PX), np.uint8)
    for start in range(0, len(digests), _PREVIEWS):
        for row, jpeg in enumerate(previews(digests[start : start + _PREVIEWS]), start):
            if jpeg:
                read[row] = _grey(jpeg)
        report(min(start + _PREVIEWS, len(digests)), len(digests))
    return read


def correlatable(thumbnails: ByteArray) -> FloatArray:
    """Return float32[n, 256]: thumbnails of half the side as vectors whose dot products are correlations.

    Each has mean 0 and length 1; one of (nearly) one colour, or missing, is all zeros, which is like none.

    Args:
        thumbnails: uint8[n, 1024] of `read_thumbnails`.
    """
    rows = np.empty((len(thumbnails), _COARSE_PX**2), np.float32)
    for start in range(0, len(thumbnails), _BLOCK):
        block = thumbnails[start : start + _BLOCK].reshape(-1, _COARSE_PX, 2, _COARSE_PX, 2)
        grey = block.mean(axis=(2, 4), dtype=np.float32).reshape(len(block), -1)
        grey -= grey.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(grey, axis=1, keepdims=True)
        flat = lengths < _FLAT * _COARSE_PX
        rows[start : start + _BLOCK] = np.where(flat, 0, grey / np.where(flat, 1, lengths))
    return rows


def _grey(jpeg: bytes) -> ByteArray:
    """Return the preview as uint8[1024], each value the mean of its share of the picture."""
    import tensorflow as tf

    height, width, _ = tf.io.extract_jpeg_shape(jpeg).numpy()
    ratio = next((each for each in _RATIOS if min(height, width) >= each * _MIN_SCALED_PX), 1)
    pixels = tf.cast(tf.io.decode_jpeg(jpeg, channels=1, ratio=ratio), tf.float32)
    values = tf.image.resize(pixels, (SIDE_PX, SIDE_PX), method="area").numpy()
    grey: ByteArray = np.rint(values).astype(np.uint8).ravel()
    return grey
