"""`python -m feature_extractor.trunks.graph_export_process`: writes a trunk's frozen float32 graph into a file.

Reads one JSON object from standard input (`feature_extractor.trunks.graph_export` writes it) and prints one as its
last line: what was written, or an error's code, reason and message.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.trunks.loading import is_graph
from graft.errors import FailedPreconditionError, GraftError

if TYPE_CHECKING:
    from feature_extractor.trunks.graphdef.structure import Structure

INPUT: Final = "pixels"
OUTPUT: Final = "vectors"
_HALF_RANGE: Final = 127.5
_MAP_RANK: Final = 4
_POSITION_AXES: Final = (1, 2)
_NICENESS: Final = 10


def keras_graph(home: Path, weights: str, layer: str, sha256: str) -> Any:
    """A tf.Graph of the Keras network with these weights, cut at a layer.

    Raises:
        GraftError: the weights are gone, or no longer those that were loaded.
    """
    import tensorflow as tf

    inner, feed, fetch = _frozen(home, weights, layer, sha256)
    tf.keras.backend.clear_session()
    gc.collect()  # network and function hold all weights, each once more
    return wrapped(inner, feed, fetch, (INPUT_SIZE_PX, INPUT_SIZE_PX), flatten=False)


def _frozen(home: Path, weights: str, layer: str, sha256: str) -> tuple[Any, str, str]:
    """A GraphDef with the names of the tensors that are its input and output."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.weights.resolving import unchanged_arrays
    from feature_extractor.trunks.weights.sources import source_of

    network = Network()
    arrays = unchanged_arrays(source_of(weights), home / "weights", network.specs, sha256, threading.Event())
    network.set_arrays(arrays, weights)
    del arrays
    model = network.cut(layer)

    def forward(pixels: Any) -> Any:
        return model(pixels / _HALF_RANGE - 1.0, training=False)

    shape = tf.TensorSpec((None, INPUT_SIZE_PX, INPUT_SIZE_PX, 3), tf.float32)
    frozen = convert_variables_to_constants_v2(tf.function(forward).get_concrete_function(shape))
    return frozen.graph.as_graph_def(), frozen.inputs[0].name, frozen.outputs[0].name


def file_graph(home: Path, weights: str, sha256: str, input_name: str, output_name: str) -> Any:
    """A tf.Graph of a frozen graph's file, from behind its resizing to the vector.

    Raises:
        GraftError: the file is gone, or another; TRUNK_NOT_EXPORTABLE, there is no such place.
    """
    from feature_extractor.trunks.graphdef.plan import make_plan
    from feature_extractor.trunks.graphdef.reading import read_graph
    from feature_extractor.trunks.graphdef.sessions import part_of
    from feature_extractor.trunks.graphdef.structure import Structure
    from feature_extractor.trunks.weights.graphs import find_graph
    from feature_extractor.trunks.weights.resolving import check_unchanged

    found = find_graph(Path(weights), home / "weights", sha256)
    check_unchanged(weights, found.sha256, sha256)
    graph_def = read_graph(found.path, found.content).graph_def
    structure = Structure(graph_def)
    plan = make_plan(
        structure, structure.require(input_name, weights), structure.require(output_name, weights), weights
    )
    if plan.resizing is None:
        raise FailedPreconditionError(
            f"the frozen graph {weights} does not resize pictures to one size, behind which it could be cut: "
            "export from a home with other weights",
            reason="TRUNK_NOT_EXPORTABLE",
        )
    part = part_of(graph_def, structure, [plan.unreshaped], cut=plan.resizing)
    renew_norms(part, structure)
    size = (plan.resizing.height_px, plan.resizing.width_px)
    return wrapped(part, str(plan.resizing.tensor), str(plan.unreshaped), size, flatten=plan.reshaped)


def renew_norms(part: Any, structure: Structure) -> None:
    """Put today's batch norm in the place of that of 2015, which TensorFlow refuses in new graphs and functions."""
    import tensorflow as tf

    for node in [each for each in part.node if each.op == "BatchNormWithGlobalNormalization"]:
        picture, mean, variance, beta, gamma = node.input
        kind, epsilon = node.attr["T"].type, node.attr["variance_epsilon"].f
        if not node.attr["scale_after_normalization"].b:  # gamma is there and not used
            value = structure.constant(gamma.partition(":")[0])
            if value is None:
                raise FailedPreconditionError(
                    f"the batch norm {node.name} has a scale that is no constant: use other weights",
                    reason="TRUNK_NOT_EXPORTABLE",
                )
            gamma = f"{node.name}/ones"
            ones = part.node.add(name=gamma, op="Const")
            ones.attr["dtype"].type = kind
            ones.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones_like(value)))
        node.op = "FusedBatchNormV3"
        node.attr.clear()
        node.attr["T"].type = node.attr["U"].type = kind
        node.attr["epsilon"].f = epsilon
        node.attr["is_training"].b = False
        node.attr["data_format"].s = b"NHWC"
        node.input[:] = [picture, gamma, beta, mean, variance]


def wrapped(inner: Any, feed: str, fetch: str, size_px: tuple[int, int], *, flatten: bool) -> Any:
    """The same graph under steady names: float32[n, height, width, 3] 0 to 255 in, float32[n, dimensions] out.

    Of a map the average over its positions is taken, or it is made flat.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        pixels = tf.compat.v1.placeholder(tf.float32, (None, *size_px, 3), name=INPUT)
        kind = next(tf.as_dtype(node.attr["dtype"].type) for node in inner.node if f"{node.name}:0" == feed)
        given = pixels if kind == tf.float32 else tf.cast(pixels, kind)
        (values,) = tf.graph_util.import_graph_def(inner, {feed: given}, [fetch], name="trunk")
        values = tf.cast(values, tf.float32)
        if not flatten and values.shape.rank == _MAP_RANK:
            values = tf.reduce_mean(values, _POSITION_AXES)
        elif values.shape.rank != 2:  # noqa: PLR2004 - pictures and values
            values = tf.reshape(values, (-1, values.shape[1:].num_elements()))
        tf.identity(values, name=OUTPUT)
    return graph


def write(task: dict[str, Any]) -> dict[str, Any]:
    """Write the graph; return what `ExportedGraph` tells of it, without its path."""
    home, weights, sha256 = Path(task["home"]), task["weights"], task["sha256"]
    if is_graph(weights):
        graph = file_graph(home, weights, sha256, task["graph_input"], task["graph_output"])
    else:
        graph = keras_graph(home, weights, task["layer"], sha256)
    size_px = graph.get_tensor_by_name(f"{INPUT}:0").shape
    dimensions = int(graph.get_tensor_by_name(f"{OUTPUT}:0").shape[-1])
    graph_def = graph.as_graph_def()
    del graph
    content = graph_def.SerializeToString(deterministic=True)
    Path(task["into"]).write_bytes(content)
    return {
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "input_tensor": f"{INPUT}:0",
        "output_tensor": f"{OUTPUT}:0",
        "height_px": size_px[1],
        "width_px": size_px[2],
        "dimensions": dimensions,
    }


def main() -> None:
    """Do what standard input asks for; whatever else is printed goes to standard error."""
    os.nice(_NICENESS)  # pictures that wait for the trunk go first
    task = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = write(task)
        except GraftError as error:
            answer = {"code": error.code.name, "reason": error.reason, "message": error.message}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
