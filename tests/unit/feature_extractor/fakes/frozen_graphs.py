"""Frozen graphs to test with: Inception-V3 under the node names of 2015, and a small one of that year's operations."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OLD_PRODUCER = 8
"""GraphDef version of the 2015 file; BatchNormWithGlobalNormalization is refused from version 9 on."""

_EPSILON = 1e-3


def add_node(graph_def: Any, name: str, op: str, *inputs: str, **attributes: Any) -> Any:
    """Append a node; an attribute is a dtype, bool, int, float, text, list of ints, or an array for a constant."""
    import tensorflow as tf

    node = graph_def.node.add(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        attribute = node.attr[key]
        if isinstance(value, tf.DType):
            attribute.type = value.as_datatype_enum
        elif isinstance(value, bool):
            attribute.b = value
        elif isinstance(value, int):
            attribute.i = value
        elif isinstance(value, float):
            attribute.f = value
        elif isinstance(value, str):
            attribute.s = value.encode()
        elif isinstance(value, list):
            attribute.list.i.extend(value)
        else:
            attribute.tensor.CopyFrom(value)
    return node


def add_constant(graph_def: Any, name: str, value: Any) -> None:
    """Append a constant."""
    import tensorflow as tf

    tensor = tf.make_tensor_proto(value)
    add_node(graph_def, name, "Const", dtype=tf.as_dtype(tensor.dtype), value=tensor)


def add_preparation(graph_def: Any, size_px: int) -> None:
    """Append decoding and resizing as the 2015 graph has them: `DecodeJpeg/contents` is a constant there, fed over."""
    import tensorflow as tf

    add_constant(graph_def, "DecodeJpeg/contents", b"")
    add_node(graph_def, "DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3)
    add_node(graph_def, "Cast", "Cast", "DecodeJpeg", SrcT=tf.uint8, DstT=tf.float32)
    add_constant(graph_def, "ExpandDims/dim", np.int32(0))
    add_node(graph_def, "ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim", T=tf.float32)
    add_constant(graph_def, "ResizeBilinear/size", np.array([size_px, size_px], np.int32))
    add_node(graph_def, "ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size", T=tf.float32)
    add_constant(graph_def, "Sub/y", np.float32(128))
    add_node(graph_def, "Sub", "Sub", "ResizeBilinear", "Sub/y", T=tf.float32)
    add_constant(graph_def, "Mul/y", np.float32(1 / 128))
    add_node(graph_def, "Mul", "Mul", "Sub", "Mul/y", T=tf.float32)


def add_reshape(graph_def: Any, pool: str, dimensions: int) -> None:
    """Append `pool_3/_reshape` with its constant shape [1, dimensions]."""
    import tensorflow as tf

    add_constant(graph_def, "pool_3/_reshape/shape", np.array([1, dimensions], np.int32))
    add_node(graph_def, "pool_3/_reshape", "Reshape", pool, "pool_3/_reshape/shape", T=tf.float32, Tshape=tf.int32)


@dataclass(frozen=True)
class SmallGraph:
    """1x1 convolutions and the old operations, whose vector NumPy computes as well.

    Attributes:
        graph_def: the GraphDef, under the names of 2015.
        kernels: float32[3, 4] of both branches.
        norm: mean, variance, beta and gamma of the first branch, float32[4] each.
        size_px: width and height that pictures are resized to.
    """

    graph_def: Any
    kernels: tuple[NDArray[np.float32], NDArray[np.float32]]
    norm: tuple[NDArray[np.float32], ...]
    size_px: int = 16
    dimensions: int = 8

    def vectors(self, resized: NDArray[np.float32]) -> NDArray[np.float64]:
        """float[n, 16, 16, 3] after resizing to float[n, 8]."""
        scaled = (resized.astype(np.float64) - 128) / 128
        mean, variance, beta, gamma = self.norm
        first = (scaled @ self.kernels[0] - mean) / np.sqrt(variance + _EPSILON) * gamma + beta
        both = np.concatenate([np.maximum(first, 0), np.maximum(scaled @ self.kernels[1], 0)], axis=-1)
        vectors: NDArray[np.float64] = both.mean(axis=(1, 2))
        return vectors


def small_graph(*, seed: int = 0) -> SmallGraph:
    """Build the small graph with random weights."""
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    random = np.random.default_rng(seed)
    kernels = tuple(random.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    norm = tuple(random.uniform(0.5, 1.5, 4).astype(np.float32) for _ in range(4))
    graph_def = GraphDef()
    graph_def.versions.producer = OLD_PRODUCER
    small = SmallGraph(graph_def, (kernels[0], kernels[1]), norm)
    add_preparation(graph_def, small.size_px)
    convolution = {"T": tf.float32, "strides": [1, 1, 1, 1], "padding": "SAME"}
    for number, kernel in enumerate(kernels):
        add_constant(graph_def, f"conv_{number}/kernel", kernel.reshape(1, 1, 3, 4))
        add_node(graph_def, f"conv_{number}", "Conv2D", "Mul", f"conv_{number}/kernel", **convolution)
    names = ("moving_mean", "moving_variance", "beta", "gamma")
    for name, value in zip(names, norm, strict=True):
        add_constant(graph_def, f"conv_0/{name}", value)
    add_node(
        graph_def,
        "conv_0/batchnorm",
        "BatchNormWithGlobalNormalization",
        *("conv_0", *(f"conv_0/{name}" for name in names)),
        T=tf.float32,
        variance_epsilon=_EPSILON,
        scale_after_normalization=True,
    )
    add_node(graph_def, "conv_0/CheckNumerics", "CheckNumerics", "conv_0/batchnorm", T=tf.float32, message="not finite")
    add_node(graph_def, "conv_0/relu", "Relu", "conv_0/CheckNumerics", T=tf.float32)
    add_node(graph_def, "conv_1/relu", "Relu", "conv_1", T=tf.float32)
    add_constant(graph_def, "join/concat_dim", np.int32(3))
    add_node(graph_def, "join", "Concat", "join/concat_dim", "conv_0/relu", "conv_1/relu", T=tf.float32, N=2)
    window = {"ksize": [1, small.size_px, small.size_px, 1], "strides": [1, 1, 1, 1], "padding": "VALID"}
    add_node(graph_def, "pool_3", "AvgPool", "join", T=tf.float32, **window)
    add_reshape(graph_def, "pool_3", small.dimensions)
    return small


def inception_graph(model: Any) -> Any:
    """A GraphDef of a Keras model, [n, 299, 299, 3] in [-1, 1] -> [n, 8, 8, 2048], under the node names of 2015."""
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(lambda pictures: model(pictures, training=False))
    frozen = convert_variables_to_constants_v2(
        function.get_concrete_function(tf.TensorSpec((None, 299, 299, 3), tf.float32))
    )
    graph_def = GraphDef()
    graph_def.versions.CopyFrom(frozen.graph.as_graph_def().versions)
    add_preparation(graph_def, 299)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        (maps,) = tf.graph_util.import_graph_def(
            frozen.graph.as_graph_def(),
            input_map={frozen.inputs[0].name: graph.get_tensor_by_name("Mul:0")},
            return_elements=[frozen.outputs[0].name],
            name="mixed",
        )
        pool = tf.nn.avg_pool2d(maps, 8, 1, "VALID", name="pool_3")
        reshaped = tf.reshape(pool, [1, 2048], name="pool_3/_reshape")
        weights = np.random.default_rng(0).normal(size=(2048, 5)).astype(np.float32)
        tf.nn.softmax(tf.matmul(reshaped, weights, name="softmax/logits/MatMul"), name="softmax")
    made = graph.as_graph_def()
    left = [node for node in made.node if node.op != "Placeholder"]  # importing leaves it behind; nothing takes it
    del made.node[:]
    made.node.extend(left)
    return made


def write_graph(path: Path, graph_def: Any) -> Path:
    """Write a GraphDef; returns the path."""
    path.write_bytes(graph_def.SerializeToString())
    return path


def texture(width_px: int, height_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """uint8[height, width, 3]: waves of several lengths and directions, with a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height_px, :width_px]
    waves = np.zeros((height_px, width_px, 3))
    for _ in range(6):
        across, down = random.normal(scale=0.15, size=2)
        waves += np.sin(across * x + down * y)[..., np.newaxis] * random.uniform(-1, 1, 3)
    noise = random.normal(scale=6, size=waves.shape)
    return np.clip(127 + 45 * waves + noise, 0, 255).astype(np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str = "JPEG", **options: Any) -> bytes:
    """A picture's file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
