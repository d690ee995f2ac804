"""Fitting the distances of the unknown rule to the training pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.evaluation.orthonormal import orthonormal
from trainer.registry.unknown_rule import Directions, roots

if TYPE_CHECKING:
    import numpy.typing as npt

    from trainer.evaluation.arrays import Labels, Vectors

MOST_DIRECTIONS = 256
"""Directions kept: a rule for vectors of 2,048 values then takes 2.4 MB, and a vector well under a millisecond."""

_LEAST_SHRINKAGE, _MOST_SHRINKAGE, _SHRUNK_PICTURES = 0.1, 0.3, 30.0
"""Share of each covariance replaced by a multiple of the identity: 30 of so many pictures, within bounds. Of 300 to 450
pictures 0.1 told classes left out better than 0.3 on each of three sets, and less no better; of 30 to 100 pictures 0.3
did (docs/evaluation.md)."""

_FLOOR = 1e-3
"""Least variance within classes, as a share of that of all pictures: classes of copies have none of their own."""

_EXTRA, _ITERATIONS = 32, 3  # more directions than are kept, and passes, so that those kept are nearly the exact ones
_FEW = 512  # vectors up to which a decomposition of [n, n] is the cheaper way
_LEAST_SHARE = 1e-6  # directions with less of the greatest variance are rounding
_MIN_SPREAD = 1e-12


def fit_directions(vectors: Vectors, labels: Labels, classes: int) -> Directions | None:
    """Return the distances' numbers for vectors float32[n, d] with labels int[n]; each class has a row.

    The kept directions are the first principal components of the roots. None if the vectors do not differ.
    """
    x = roots(np.asarray(vectors, np.float32))
    mean = x.mean(axis=0)
    x -= mean
    if float(np.square(x).mean()) < _MIN_SPREAD:
        return None
    projection = _principal_directions(x, MOST_DIRECTIONS)  # [d, r]
    z = (x @ projection).astype(np.float64)  # [n, r]
    counts = np.bincount(labels, minlength=classes)
    sums = np.add.reduceat(z[np.argsort(labels, kind="stable")], np.cumsum(counts) - counts)  # [classes, r]
    means = sums / counts[:, np.newaxis]
    residuals = z - means[labels]
    total = z.T @ z / len(z)
    floor = _FLOOR * np.trace(total) / len(total)
    within = residuals.T @ residuals / max(1, len(z) - classes) + floor * np.eye(len(total))
    # one basis in which the shrunk covariance within classes is the identity and that of all pictures is diagonal
    shrinkage = shrinkage_of(len(x))
    lower = np.linalg.cholesky(_shrunk(within, shrinkage))
    inverse = np.linalg.inv(lower)
    spread, turn = np.linalg.eigh(inverse @ _shrunk(total, shrinkage) @ inverse.T)
    whitening = inverse.T @ turn  # [r, r]
    return Directions(
        mean,
        projection,
        whitening.astype(np.float32),
        (means @ whitening).astype(np.float32),
        (1 / spread).astype(np.float32),
        float(len(within) / np.trace(within)),
    )


def shrinkage_of(pictures: int) -> float:
    """Return how much the covariances of so many pictures are shrunk, 0 to 1."""
    return min(_MOST_SHRINKAGE, max(_LEAST_SHRINKAGE, _SHRUNK_PICTURES / pictures))


def _shrunk(covariance: npt.NDArray[np.float64], shrinkage: float) -> npt.NDArray[np.float64]:
    """Return (1 - s) C + s · mean variance · I, which is well conditioned with fewer pictures than directions."""
    size = len(covariance)
    variance = float(np.trace(covariance)) / size
    shrunk: npt.NDArray[np.float64] = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(size)
    return shrunk


def _principal_directions(x: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """Return the first principal directions float32[d, r] of centred x float32[n, d]; r at most `most`.

    Of few vectors exactly, by their products with each other; else by subspace iteration from a random start (Halko et
    al., 2011), far cheaper than a decomposition of [d, d]. Its draws are seeded: same vectors, same directions.
    """
    if len(x) <= _FEW:
        values, left = np.linalg.eigh(x.astype(np.float64) @ x.T)  # rising; left float64[n, n]
        kept = np.flatnonzero(values > values[-1] * _LEAST_SHARE)[::-1][:most]
        return np.asarray(x.T @ (left[:, kept] / np.sqrt(values[kept])), np.float32)
    width = min(*x.shape, most + _EXTRA)
    basis = np.random.default_rng(0).standard_normal((x.shape[1], width), np.float32)
    for _ in range(_ITERATIONS):
        basis = orthonormal(x.T @ (x @ basis))  # [d, width]
    small = (x @ basis).astype(np.float64)  # [n, width]
    values, turn = np.linalg.eigh(small.T @ small)  # rising
    kept = np.flatnonzero(values > values[-1] * _LEAST_SHARE)[::-1][:most]
    return np.asarray(basis @ turn[:, kept], np.float32)
