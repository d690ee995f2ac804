"""Random weights: the same for a seed on every machine."""

from __future__ import annotations

import numpy as np

from feature_extractor.trunks.weights.arrays import ArraySpec, weights_sha256
from feature_extractor.trunks.weights.untrained import random_arrays

SPECS = [
    ArraySpec("conv2d", "kernel", (3, 3, 3, 8)),
    ArraySpec("batch_normalization", "beta", (8,)),
    ArraySpec("batch_normalization", "moving_mean", (8,)),
    ArraySpec("batch_normalization", "moving_variance", (8,)),
]


def test_values_are_pinned() -> None:
    """The weights of a seed never change: a fingerprint made today is met again on any machine and NumPy."""
    arrays = random_arrays(SPECS, 7)
    assert weights_sha256(arrays) == "7f7d7c51967c6ff04206e24cd25c42dcaa7e9f8667d086b9e1226774d53bb216"


def test_seeds_differ_and_order_does_not_matter() -> None:
    """Another seed gives other weights; the order in which layers are listed does not."""
    assert weights_sha256(random_arrays(SPECS, 1)) != weights_sha256(random_arrays(SPECS, 2))
    assert weights_sha256(random_arrays(SPECS, 1)) == weights_sha256(random_arrays(SPECS[::-1], 1))


def test_kernels_keep_the_variance_and_batch_norms_do_nothing() -> None:
    """He-uniform: within the bound, variance 2 / fan in; batch norms are the identity."""
    arrays = random_arrays([ArraySpec("conv2d", "kernel", (3, 3, 64, 64)), *SPECS[1:]], 0)
    kernel = arrays["conv2d/kernel"]
    assert kernel.dtype == np.float32
    assert np.abs(kernel).max() <= np.sqrt(6 / 576)
    assert np.isclose(kernel.var(), 2 / 576, rtol=0.03)
    assert (arrays["batch_normalization/moving_variance"] == 1).all()
    assert not arrays["batch_normalization/beta"].any()
