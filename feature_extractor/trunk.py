"""The trunk: a frozen graph from uint8 pictures to float32 bottleneck vectors, in batches of a few fixed sizes.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.images import INPUT_SIZE_PX
from feature_extractor.precision import BFLOAT16

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from feature_extractor.identity import TrunkIdentity

ENGINE = "tensorflow"
"""What runs the network; part of the fingerprint."""

BUCKETS = (1, 2, 4, 8, 16, 32)
"""Batch sizes the graph is run with. oneDNN plans and caches its kernels for each shape: six are planned at warm-up
instead of one whenever a new size comes along."""

_HALF_RANGE = 127.5


class Trunk:
    """Turns pictures into vectors. Calls may come from many threads; TensorFlow runs them side by side.

    A picture's vector depends on the batch it travels in only by rounding: cosine at least 0.9999 between any two.

    Attributes:
        identity: what the vectors depend on.
        dimensions: length of a vector.
        device: `CPU`, or `GPU` and its name.
        buckets: the batch sizes in use, ascending.
    """

    def __init__(
        self,
        model: Any,
        identity: TrunkIdentity,
        *,
        device: str = "CPU",
        buckets: Sequence[int] = BUCKETS,
        threads: int = 0,
    ) -> None:
        self.identity = identity
        self.device = device
        self.buckets = check_buckets(buckets)
        self.dimensions = int(model.output.shape[-1])
        self._run = start_session(freeze(model), identity.precision, threads)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[n, 299, 299, 3] RGB to float32[n, dimensions], for any n."""
        vectors = np.empty((len(images), self.dimensions), np.float32)
        start = 0
        for size in split_batch(len(images), self.buckets):
            vectors[start : start + size] = self._forward(images[start : start + size])
            start += size
        return vectors

    def warm_up(self) -> None:
        """Run every bucket once, so that no caller waits for kernels to be planned."""
        for size in self.buckets:
            self._forward(np.zeros((size, INPUT_SIZE_PX, INPUT_SIZE_PX, 3), np.uint8))

    def _forward(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._run(images)
        return vectors


def split_batch(count: int, buckets: Sequence[int]) -> list[int]:
    """Sizes to run `count` pictures in: the largest bucket that fits, again and again; nothing is padded.

    Padding 5 to 8 would compute 8 pictures; 4 + 1 computes 5, and a small batch is nearly as fast for each picture.
    """
    sizes: list[int] = []
    for bucket in reversed(buckets):
        sizes += [bucket] * (count // bucket)
        count %= bucket
    return sizes


def check_buckets(buckets: Sequence[int]) -> tuple[int, ...]:
    """Ascending, distinct, from 1 on (so that any number of pictures can be split).

    Raises:
        ValueError: they are not.
    """
    ordered = tuple(buckets)
    if not ordered or ordered[0] != 1 or list(ordered) != sorted(set(ordered)):
        raise ValueError(f"batch sizes must ascend from 1 without repetition: {ordered}")
    return ordered


def freeze(model: Any) -> Any:
    """A concrete function of one graph, weights as constants: batch norms fold into convolutions, ReLUs fuse.

    uint8[n, 299, 299, 3] in; cast and scaled to [-1, 1] inside the graph; float32[n, dimensions] out.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def forward(images: Any) -> Any:
        scaled = tf.cast(images, tf.float32) / _HALF_RANGE - 1.0
        return tf.cast(model(scaled, training=False), tf.float32)

    shape = tf.TensorSpec((None, INPUT_SIZE_PX, INPUT_SIZE_PX, 3), tf.uint8)
    return convert_variables_to_constants_v2(tf.function(forward).get_concrete_function(shape))


def start_session(frozen: Any, precision: str, threads: int) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What runs a frozen function in a precision, on so many threads (0: one a core); callable from many threads.

    A session has its own optimiser options. TensorFlow's eager ones are read anew at every call, for the whole
    process: a second trunk of another precision would change what the first one computes.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    config.gpu_options.allow_growth = True
    onednn_bfloat16 = RewriterConfig.ON if precision == BFLOAT16 else RewriterConfig.OFF
    config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = onednn_bfloat16
    session = tf.compat.v1.Session(graph=frozen.graph, config=config)
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]] = session.make_callable(
        frozen.outputs[0].name, feed_list=[frozen.inputs[0].name]
    )
    return run
