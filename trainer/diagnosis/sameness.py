"""Tells whether two thumbnails that are alike show one picture, by their edges at the sharpness of the blurrier one.

Light and shade make two portraits of one person, or two pages of text, correlate; their edges do not lie in the same
places. A smaller copy has the same edges, but blurred. So of two thumbnails the one is blurred a little, against the
noise of JPEG, and the other in steps as well, and the correlation of their differences between neighbouring pixels
counts, where it is highest. Measured in `docs/doctor.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.thumbnails import SIDE_PX

if TYPE_CHECKING:
    from trainer.diagnosis.thumbnails import ByteArray
    from trainer.fitting.batches import FloatArray, RowArray

_STEPS: Final = 4  # of blur; each is a binomial filter of three pixels
_BLOCK: Final = 1024
_TINY: Final = 1e-6


def same_edges(thumbnails: ByteArray, rows: RowArray) -> FloatArray:
    """Return float32[k], -1 to 1: the correlation of the edges of each pair; 0 for one without edges.

    Args:
        thumbnails: uint8[n, 1024] of `read_thumbnails`.
        rows: int32[k, 2], the pairs.
    """
    same = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        left, right = (thumbnails[each].reshape(-1, SIDE_PX, SIDE_PX) for each in rows[start : start + _BLOCK].T)
        one, other = _edges_by_blur(left), _edges_by_blur(right)
        tried = [(one[0], each) for each in other] + [(each, other[0]) for each in one[1:]]
        same[start : start + _BLOCK] = np.max([np.einsum("ke,ke->k", *pair) for pair in tried], axis=0)
    return same


def _edges_by_blur(pictures: ByteArray) -> list[FloatArray]:
    """Return float32[k, e] of length 1 for each step of blur."""
    blurred, steps = pictures.astype(np.float32), []
    for _ in range(_STEPS):
        blurred = _blur(_blur(blurred, 1), 2)
        across, down = np.diff(blurred, axis=2), np.diff(blurred, axis=1)
        edges = np.concatenate([across.reshape(len(blurred), -1), down.reshape(len(blurred), -1)], axis=1)
        steps.append(edges / np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), _TINY))
    return steps


def _blur(pictures: FloatArray, axis: int) -> FloatArray:
    """Return the pictures filtered by (1, 2, 1) / 4 along an axis; the outermost pixels stand for those outside."""
    last = pictures.shape[axis] - 1
    before = np.take(pictures, np.maximum(np.arange(last + 1) - 1, 0), axis=axis)
    after = np.take(pictures, np.minimum(np.arange(last + 1) + 1, last), axis=axis)
    blurred: FloatArray = (before + 2 * pictures + after) / 4
    return blurred
