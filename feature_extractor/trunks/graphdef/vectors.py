"""From what a graph's tensor holds to vectors, picture by picture or in batches, and the proof that batches work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.graphdef.plan import not_batchable
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Run = Callable[[NDArray[Any]], NDArray[np.float32]]

_MAP_RANK = 4
_POSITION_AXES = (1, 2)
_TOLERANCE = 1e-3  # rounding differs with the batch; pictures that mix differ by far more
_MAX_DIMENSIONS = 65_536


def to_vectors(values: NDArray[Any], count: int, *, flatten: bool) -> NDArray[np.float32]:
    """float[count, ...] to float32[count, d]; a map [count, h, w, d] is averaged over its positions, or made flat.

    The order of axes is not in a tensor: of a map [count, d, h, w] the graph itself must take the average.

    Raises:
        ValueError: it holds no `count` pictures.
    """
    if values.ndim and values.shape[0] == count:
        if values.ndim == _MAP_RANK and not flatten:
            values = values.mean(axis=_POSITION_AXES, dtype=np.float32)
    elif count != 1:
        raise ValueError(f"{count} pictures gave a tensor of the shape {list(values.shape)}")
    return np.ascontiguousarray(values, dtype=np.float32).reshape(count, -1)


def batch_runner(call: Callable[[Any], Any], *, flatten: bool) -> Run:
    """float32[n, h, w, 3] -> float32[n, d] by one call."""

    def run(items: NDArray[Any]) -> NDArray[np.float32]:
        return to_vectors(call(items), len(items), flatten=flatten)

    return run


def single_runner(call: Callable[[Any], Any], *, flatten: bool) -> Run:
    """object[n], each a picture's bytes -> float32[n, d], a call each."""

    def run(items: NDArray[Any]) -> NDArray[np.float32]:
        return np.concatenate([to_vectors(call(item), 1, flatten=flatten) for item in items])

    return run


def probe(run: Run, blank: NDArray[Any], source: str, *, batches: bool) -> int:
    """The length of a vector; for batches, also the proof that a picture's vector does not depend on the others.

    Raises:
        FailedPreconditionError: GRAPH_FAILED, GRAPH_NOT_BATCHABLE, or GRAPH_OUTPUT_UNSUPPORTED for what is no vector.
    """
    import tensorflow as tf

    try:
        alone = run(blank[np.newaxis])
    except (tf.errors.OpError, ValueError) as error:
        raise FailedPreconditionError(
            f"{source} cannot be run by TensorFlow {tf.__version__}: {error}", reason="GRAPH_FAILED"
        ) from error
    dimensions = int(alone.shape[1])
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise FailedPreconditionError(
            f"the output of {source} has {dimensions:,} values; a vector has at most {_MAX_DIMENSIONS:,}",
            reason="GRAPH_OUTPUT_UNSUPPORTED",
        )
    if not np.isfinite(alone).all():
        raise FailedPreconditionError(
            f"{source} gives a vector with values that are not finite for a grey picture", reason="GRAPH_FAILED"
        )
    if batches:
        _check_batch(run, blank, alone, source)
    return dimensions


def _check_batch(run: Run, blank: NDArray[Any], alone: NDArray[np.float32], source: str) -> None:
    import tensorflow as tf

    other = np.random.default_rng(0).uniform(0, 255, blank.shape).astype(blank.dtype)
    try:
        together = run(np.stack([other, blank]))
    except (tf.errors.OpError, ValueError) as error:
        raise not_batchable(source, f"a batch of two fails ({str(error).strip().splitlines()[0]})") from error
    scale = max(1e-6, float(np.abs(alone).max()))
    same_shape = together.shape[1:] == alone.shape[1:]
    if not same_shape or not np.abs(together[1] - alone[0]).max() <= _TOLERANCE * scale:  # nor if it is no number
        raise not_batchable(source, "a picture's vector depends on the picture beside it")
