"""Writes the network as an ONNX model: TensorFlow's graph walked once, each operation put in ONNX's words.

tf2onnx, which did that, holds protobuf below the version that gRPC's stubs need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trainer.export.network import PIXELS, PROBABILITIES
from trainer.export.onnx_operations import Translation
from trainer.export.tensorflow_files import network_graph

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.task import ExportTask

OPSET: Final = 17
"""Of 2022: what runs ONNX anywhere knows it. Later ones have nothing that this network needs."""

IR_VERSION: Final = 8
"""The version of the file's own format that came with this set of operations."""


def write_onnx(task: ExportTask, into: Path) -> None:
    """Write a model: `pixels` float32[n, height_px, width_px, 3], 0 to 255, to `probabilities` float32[n, labels].

    Labels (a JSON array), fingerprint, preprocessing id and the classifier's name are in its metadata_props.

    Raises:
        FailedPreconditionError: EXPORT_OPERATION_UNSUPPORTED, the trunk's graph holds one that is not translated.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = network_graph(task, with_bytes=False)
    translation = Translation(f"{PIXELS}:0")
    constants = constant_inputs(graph, f"{PIXELS}:0")
    for operation in dependent_operations(graph, f"{PIXELS}:0"):
        translation.add(operation, constants)
    translation.finish(f"{PROBABILITIES}:0", PROBABILITIES)
    size = [task.trunk.height_px, task.trunk.width_px, 3]
    model = helper.make_model(
        helper.make_graph(
            translation.nodes,
            f"{task.classifier}-{task.version}",
            [helper.make_tensor_value_info(PIXELS, TensorProto.FLOAT, ["n", *size])],
            [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["n", len(task.labels)])],
            translation.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="graft",
    )
    helper.set_model_props(model, task.description)
    onnx.checker.check_model(model, full_check=True)
    into.write_bytes(model.SerializeToString(deterministic=True))


def dependent_operations(graph: Any, source: str) -> list[Any]:
    """The operations that the tensor `source` flows into, its own included, each after those it takes from."""
    flowing = {graph.get_tensor_by_name(source).op}
    ordered = [graph.get_tensor_by_name(source).op]
    for operation in graph.get_operations():  # in the order in which they were made, inputs first
        if operation not in flowing and any(tensor.op in flowing for tensor in operation.inputs):
            flowing.add(operation)
            ordered.append(operation)
    return ordered


def constant_inputs(graph: Any, source: str) -> dict[str, NDArray[np.generic]]:
    """The values that those operations take from elsewhere, by tensor, computed once and for all."""
    import tensorflow as tf

    flowing = dependent_operations(graph, source)
    known = set(flowing)
    wanted = {tensor.name: tensor for operation in flowing for tensor in operation.inputs if tensor.op not in known}
    with tf.compat.v1.Session(graph=graph) as session:
        values: dict[str, NDArray[np.generic]] = session.run(wanted)
    return values
