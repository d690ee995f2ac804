"""Looking into a frozen graph: the tensors a trunk could use, found without running anything."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from frozen_graphs import add_constant, add_node, small_graph, write_graph

from feature_extractor.tools.inspect import main
from feature_extractor.trunks.graphdef.inspection import inspect_graph
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a graph to a file."""
    return lambda graph_def: write_graph(tmp_path / "graph.pb", graph_def)


def with_classifier(graph_def: Any) -> Any:
    """The same graph with a fully-connected layer on its vector."""
    import tensorflow as tf

    add_constant(graph_def, "softmax/weights", np.ones((8, 5), np.float32))
    add_node(graph_def, "softmax/logits", "MatMul", "pool_3/_reshape", "softmax/weights", T=tf.float32)
    add_node(graph_def, "softmax", "Softmax", "softmax/logits", T=tf.float32)
    return graph_def


def test_the_default_names_are_found_first(write: Callable[[Any], Path]) -> None:
    """Bytes that are decoded, then what the fully-connected layer takes, and the pool behind it."""
    found = inspect_graph(write(with_classifier(small_graph().graph_def)))
    assert [(each.tensor, each.dtype, each.usable) for each in found.inputs] == [
        ("DecodeJpeg/contents:0", "string", True)
    ]
    assert [(each.tensor, each.shape) for each in found.vectors] == [
        ("pool_3/_reshape:0", (1, 8)),
        ("pool_3:0", (1, 1, 1, 8)),
        ("softmax:0", (1, 5)),
    ]
    assert (found.operations, found.types["Conv2D"], found.producer) == (31, 2, 8)
    assert (found.refused, found.problem, found.batches) == ((), "", True)


def test_without_a_classifier_the_reshaped_pool_is_found(write: Callable[[Any], Path]) -> None:
    """The same two tensors, for another reason."""
    found = inspect_graph(write(small_graph().graph_def))
    assert [each.tensor for each in found.vectors] == ["pool_3/_reshape:0", "pool_3:0"]


def test_a_refused_graph_is_looked_into_all_the_same(write: Callable[[Any], Path]) -> None:
    """TensorFlow never sees it, so that only constants tell shapes."""
    graph_def = with_classifier(small_graph().graph_def)
    add_node(graph_def, "aside", "NoSuchOperation")
    add_node(graph_def, "aside_2", "NoSuchOperation")
    found = inspect_graph(write(graph_def))
    assert [(each.op, each.node, each.count) for each in found.refused] == [("NoSuchOperation", "aside", 2)]
    assert [(each.tensor, each.shape) for each in found.vectors] == [("pool_3/_reshape:0", (1, 8)), ("pool_3:0", None)]
    assert found.batches is None


def test_placeholders_of_pixels_are_listed_as_not_usable(write: Callable[[Any], Path]) -> None:
    """They take pictures, but nothing in a graph says how these were scaled."""
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph_def = GraphDef()
    placeholder = add_node(graph_def, "input", "Placeholder", dtype=tf.float32)
    for size in (-1, 32, 32, 3):
        placeholder.attr["shape"].shape.dim.add(size=size)
    add_constant(graph_def, "axes", np.array([1, 2], np.int32))
    add_node(graph_def, "pool", "Mean", "input", "axes", T=tf.float32, Tidx=tf.int32)
    graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION
    found = inspect_graph(write(graph_def))
    assert [(each.tensor, each.shape, each.usable) for each in found.inputs] == [("input:0", (None, 32, 32, 3), False)]
    assert [(each.tensor, each.shape) for each in found.vectors] == [("pool:0", (None, 3))]
    assert found.batches is None


def test_an_odd_placeholder_and_a_huge_layer_are_only_looked_at(write: Callable[[Any], Path]) -> None:
    """No type is told where there is none, and a weight matrix of half a gigabyte is not laid out for its shape."""
    import tensorflow as tf

    graph_def = small_graph().graph_def
    add_node(graph_def, "odd", "Placeholder").attr["dtype"].type = 99
    add_constant(graph_def, "weights", np.float32(1))
    for size in (8, 2**24):
        graph_def.node[-1].attr["value"].tensor.tensor_shape.dim.add(size=size)
    add_node(graph_def, "logits", "MatMul", "pool_3/_reshape", "weights", T=tf.float32)
    add_node(graph_def, "aside", "NoSuchOperation")  # so that TensorFlow does not see it
    path = write(graph_def)
    tracemalloc.start()
    found = inspect_graph(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(each.tensor, each.dtype, each.shape) for each in found.inputs[1:]] == [("odd:0", "", None)]
    assert (found.vectors[0].tensor, found.vectors[0].shape) == ("pool_3/_reshape:0", (1, 8))
    assert peak < 2**26


def test_what_tensorflow_does_not_take_is_told(write: Callable[[Any], Path]) -> None:
    """Looking into such a file is still possible."""
    graph_def = small_graph().graph_def
    graph_def.versions.producer = 1000
    found = inspect_graph(write(graph_def))
    assert "BatchNormWithGlobalNormalization" in found.problem
    assert found.vectors[0].tensor == "pool_3/_reshape:0"


def test_the_command_prints_names_and_sha256(write: Callable[[Any], Path], capsys: pytest.CaptureFixture[str]) -> None:
    """For people in lines, and for programs as JSON."""
    graph_def = with_classifier(small_graph().graph_def)
    add_node(graph_def, "aside", "ReadFile")
    path = write(graph_def)
    assert main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "REFUSED: ReadFile, 1 nodes, first aside" in printed
    assert "pool_3/_reshape:0" in printed
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sha256"] in printed
    assert found["inputs"][0]["tensor"] == "DecodeJpeg/contents:0"
    assert found["refused"][0]["op"] == "ReadFile"


def test_another_file_is_an_error(tmp_path: Path) -> None:
    """There is nothing to print of it."""
    (tmp_path / "graph.pb").write_bytes(b"PK\x03\x04")
    with pytest.raises(FailedPreconditionError, match="ZIP"):
        main([str(tmp_path / "graph.pb")])
