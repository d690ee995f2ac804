"""Thumbnails: 16 by 16 grey values of a picture, by which a copy is told from a relative.

Re-encoding and resizing hardly change what is left at this size, while another photograph of the same thing differs in
pose, light or frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.fitting.batches import FloatArray

SIDE_PX: Final = 16
_PREVIEWS: Final = 1024  # asked for at once, some 10 MB
_FLAT: Final = 3.0  # standard deviation of grey values, of 255, below which there is nothing to compare


def read_thumbnails(
    previews: Callable[[Sequence[bytes]], list[bytes]],
    digests: Sequence[bytes],
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> FloatArray:
    """Return float32[n, 256]: the thumbnail of each picture as a vector whose dot products are correlations.

    Each has mean 0 and length 1; one without a preview, or of one colour, is all zeros, which is like none.

    Args:
        previews: returns the JPEG of each digest, empty for one that has none.
        digests: of the pictures, each 32 bytes.
        report: told how many of how many are read; what it raises ends the reading.
    """
    read = np.zeros((len(digests), SIDE_PX * SIDE_PX), np.float32)
    for start in range(0, len(digests), _PREVIEWS):
        for row, jpeg in enumerate(previews(digests[start : start + _PREVIEWS]), start):
            if jpeg:
                read[row] = correlatable(_grey(jpeg))
        report(min(start + _PREVIEWS, len(digests)), len(digests))
    return read


def correlatable(grey: FloatArray) -> FloatArray:
    """Return grey values float32[...] as a vector of mean 0 and length 1; of zeros if they hardly differ."""
    values = grey.ravel() - grey.mean(dtype=np.float64).astype(np.float32)
    length = float(np.linalg.norm(values))
    if length < _FLAT * np.sqrt(values.size):
        return np.zeros_like(values)
    scaled: FloatArray = values / np.float32(length)
    return scaled


def _grey(jpeg: bytes) -> FloatArray:
    """Return the preview as float32[16, 16], each value the mean of its share of the picture, 0 to 255."""
    import tensorflow as tf

    pixels = tf.cast(tf.io.decode_jpeg(jpeg, channels=1), tf.float32)
    values: FloatArray = tf.image.resize(pixels, (SIDE_PX, SIDE_PX), method="area").numpy()
    return values
