"""Orthonormal columns that span the same as given ones, by large products alone.

A QR decomposition by reflections is thousands of small products. Spread over threads, they wait for each other, and on
a processor that other work is using, one decomposition took seconds. Cholesky's factor of the columns' products with
each other does the same in a few large ones (T. Fukaya et al., Shifted Cholesky QR, 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_PASSES = 2  # the second makes up for what the first loses where columns are nearly alike
_SHIFT = 1e-13  # of the columns' mean square: keeps the factor defined where columns depend on each other


def orthonormal(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return orthonormal columns float32[d, w] with the span of those given, float32[d, w], w at most d.

    Where the columns depend on each other, what rounding made of them fills up the rest; all zeros stay zeros.
    """
    found = columns.astype(np.float64)
    for _ in range(_PASSES):
        lengths = np.linalg.norm(found, axis=0)
        found /= np.where(lengths > 0, lengths, 1)  # so that the products are as well conditioned as may be
        products = found.T @ found  # [w, w]
        products[np.diag_indices_from(products)] += _SHIFT * len(products)
        lower = np.linalg.cholesky(products)
        found = found @ np.linalg.inv(lower).T
    return found.astype(np.float32)
