"""The vectors where TensorFlow's steps can reach them, without a third copy of them on the way."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray

_PIECE_ROWS = 4096
_SMALL_BYTES = 64 * 2**20


def held(vectors: FloatArray) -> Any:
    """Return what `tf.gather` takes rows of, for vectors float32[n, d].

    A constant made of an array takes twice its size while it is made. Large ones are a variable that is filled in
    pieces instead; not under a distribution strategy, which would mirror it.
    """
    if vectors.nbytes <= _SMALL_BYTES or tf.distribute.has_strategy():
        return tf.constant(vectors)
    shape = vectors.shape
    variable = tf.Variable(lambda: tf.raw_ops.Empty(shape=shape, dtype=tf.float32, init=False), trainable=False)
    for start in range(0, len(vectors), _PIECE_ROWS):
        piece = vectors[start : start + _PIECE_ROWS]
        rows = tf.range(start, start + len(piece))
        tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=piece)
    return variable


def let_go(vectors: FloatArray) -> None:
    """Free the copy of large vectors float32[n, d] that a network held which nobody uses any more.

    Networks and their compiled steps refer to each other, so they would stay until Python happens to look for such
    circles: meanwhile an evaluation or the next head needs memory too.
    """
    if vectors.nbytes > _SMALL_BYTES:
        gc.collect()
