"""Single operations in ONNX's words, run beside TensorFlow's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.errors import FailedPreconditionError
from trainer.export.onnx_file import IR_VERSION, OPSET, constant_inputs, dependent_operations
from trainer.export.onnx_operations import Translation

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.tensorflow

SHAPE = (7, 6, 4)


def both(build: Callable[[Any], Any]) -> tuple[Any, Any]:
    """What TensorFlow and ONNX Runtime make of the same maps, averaged over positions unless they are vectors."""
    import onnxruntime
    import tensorflow as tf
    from onnx import TensorProto, helper

    graph = tf.Graph()
    with graph.as_default():
        pixels = tf.compat.v1.placeholder(tf.float32, (None, *SHAPE), name="pixels")
        made = build(pixels)
        rank = made.shape.rank
        tf.identity(tf.reshape(made, (-1, made.shape[1:].num_elements())) if rank == 4 else made, name="out")
    given = np.random.default_rng(3).uniform(-1, 1, (3, *SHAPE)).astype(np.float32)
    with tf.compat.v1.Session(graph=graph) as session:
        expected = session.run("out:0", {"pixels:0": given})
    translation = Translation("pixels:0")
    constants = constant_inputs(graph, "pixels:0")
    for operation in dependent_operations(graph, "pixels:0"):
        translation.add(operation, constants)
    translation.finish("out:0", "out")
    model = helper.make_model(
        helper.make_graph(
            translation.nodes,
            "one",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", *SHAPE])],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", expected.shape[1]])],
            translation.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return expected, session.run(["out"], {"pixels": given})[0]


def operations() -> dict[str, Callable[[Any], Any]]:
    """By a name, what is made of maps."""
    import tensorflow as tf

    random = np.random.default_rng(1)

    def values(*shape: int) -> Any:
        return tf.constant(random.uniform(0.2, 1, shape).astype(np.float32))

    def old_norm(x: Any) -> Any:  # TensorFlow refuses the operation itself in new graphs
        return (x - values(4)) / tf.sqrt(values(4)) * values(4) + values(4)

    return {
        "convolution, same": lambda x: tf.nn.conv2d(x, values(3, 2, 4, 5), 2, "SAME"),
        "convolution, valid": lambda x: tf.nn.conv2d(x, values(1, 3, 4, 5), (1, 2), "VALID"),
        "convolution, dilated": lambda x: tf.nn.conv2d(x, values(2, 2, 4, 3), 1, "SAME", dilations=2),
        "maximum pool": lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"),
        "average pool": lambda x: tf.nn.avg_pool2d(x, 3, 1, "SAME"),
        "bias": lambda x: tf.nn.bias_add(x, values(4)),
        "arithmetic with constants of all ranks": lambda x: (2.0 - x * values(4)) / values(1, 1, 1, 4) + values(6, 4),
        "maximum and minimum": lambda x: tf.minimum(tf.maximum(x, 0.1), values(4)),
        "norm by parts": old_norm,
        "activations": lambda x: tf.nn.elu(tf.tanh(tf.nn.sigmoid(tf.nn.relu(x)))),
        "concatenation of maps": lambda x: tf.concat([x, x * 2.0], 3),
        "concatenation along the height": lambda x: tf.concat([x, x * 2.0], 1),
        "mean that keeps its axes": lambda x: tf.reduce_mean(x, (1, 2), keepdims=True) * values(4),
        "vectors": lambda x: tf.nn.softmax(tf.matmul(tf.reduce_mean(x, (1, 2)), values(5, 4), transpose_b=True)),
        "concatenation of vectors": lambda x: tf.concat([tf.reduce_mean(x, (1, 2))] * 2, -1),
        "mean of a vector": lambda x: tf.reduce_mean(tf.reduce_mean(x, (1, 2)), 1, keepdims=True),
    }


def test_operations_mean_the_same() -> None:
    """To rounding, for three pictures at once."""
    for name, build in operations().items():
        expected, answered = both(build)
        assert answered.shape == expected.shape, name
        assert np.allclose(answered, expected, atol=1e-5), name
        assert np.ptp(expected) > 0, name


def test_what_is_not_known_is_refused_by_name() -> None:
    """The message tells the operation."""
    import tensorflow as tf

    with pytest.raises(FailedPreconditionError, match="Cumsum") as error:
        both(lambda x: tf.cumsum(x, 1))
    assert error.value.reason == "EXPORT_OPERATION_UNSUPPORTED"
