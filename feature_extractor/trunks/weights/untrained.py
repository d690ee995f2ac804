"""Weights `random:SEED`: an untrained network, the same on every machine; for tests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import ArraySpec

_CONSTANTS = {"beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}


def random_arrays(specs: Sequence[ArraySpec], seed: int) -> dict[str, NDArray[np.float32]]:
    """He-uniform kernels (He et al. 2015): U(-b, b), b = sqrt(6 / fan in); batch norms that do nothing.

    Drawn from the raw 64-bit words of PCG64, whose stream NumPy keeps for ever, by exact arithmetic alone:
    distributions such as the normal may change with NumPy's version or differ in the last bit between C libraries.
    """
    words = np.random.PCG64(seed)
    arrays: dict[str, NDArray[np.float32]] = {}
    for spec in sorted(specs, key=lambda spec: spec.name):
        if spec.variable == "kernel":
            bound = np.float32(math.sqrt(6 / math.prod(spec.shape[:-1])))
            raw: NDArray[np.uint64] = words.random_raw(math.prod(spec.shape))
            unit = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)  # [0, 1) in 24-bit steps: exact
            arrays[spec.name] = ((unit * np.float32(2) - np.float32(1)) * bound).reshape(spec.shape)
        else:
            arrays[spec.name] = np.full(spec.shape, _CONSTANTS[spec.variable], np.float32)
    return arrays
