"""Weights that lose little when a processor multiplies them in bfloat16.

A bfloat16 number has 8 significant bits. Rounding each weight to the nearest errs by up to 0.4 %, and errors of
neighbouring taps add up wherever a picture is even: its taps see the same value. Carrying each error on to the next tap
keeps the sum over the taps, and over the channels, of every filter right to within one rounding. That costs nothing at
run time. Batch norms are folded into the kernels first, as the optimiser would do it, because what is rounded is the
product.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import Arrays

    Values = NDArray[np.float32]

_KERNEL = re.compile(r"conv2d(?:_(\d+))?/kernel")
_EPSILON = np.float32(1e-3)  # Keras's, of the batch norms of Inception-V3
_ROUND_TO_EVEN = np.uint32(0x7FFF)
_UPPER_HALF = np.uint32(0xFFFF0000)


def for_bfloat16(arrays: Arrays, *, exact: int, layer: str) -> dict[str, Values]:
    """The same network with folded kernels that bfloat16 holds; the first `exact` convolutions are left as they are.

    `layer` is where the network is cut. A convolution there has no batch norm behind it, and is not folded.
    """
    rounded = dict(arrays)
    for name, kernel in arrays.items():
        found = _KERNEL.fullmatch(name)
        if found is None or int(found[1] or 0) < exact:
            continue
        if name == f"{layer}/kernel":
            rounded[name] = diffuse(kernel)
            continue
        norm = f"batch_normalization_{found[1]}" if found[1] else "batch_normalization"
        scale = 1 / np.sqrt(arrays[f"{norm}/moving_variance"] + _EPSILON)
        rounded[name] = diffuse(kernel * scale)
        rounded[f"{norm}/beta"] = arrays[f"{norm}/beta"] - arrays[f"{norm}/moving_mean"] * scale
        rounded[f"{norm}/moving_mean"] = np.zeros_like(scale)
        rounded[f"{norm}/moving_variance"] = np.full_like(scale, 1 - _EPSILON)
    return rounded


def diffuse(kernel: Values) -> Values:
    """float32[height, width, channels in, channels out] to values that bfloat16 holds, their sums kept."""
    height, width, channels, filters = kernel.shape
    taps = kernel.transpose(2, 0, 1, 3).reshape(-1, filters)  # the taps of a channel follow each other
    rounded = np.empty_like(taps)
    error = np.zeros(filters, np.float32)
    for place, values in enumerate(taps):
        wanted = values + error
        rounded[place] = to_bfloat16(wanted)
        error = wanted - rounded[place]
    return np.ascontiguousarray(rounded.reshape(channels, height, width, filters).transpose(1, 2, 0, 3))


def to_bfloat16(values: Values) -> Values:
    """The nearest numbers that bfloat16 holds, as float32; of two equally near ones the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + _ROUND_TO_EVEN + odd) & _UPPER_HALF).view(np.float32)
