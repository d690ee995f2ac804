"""Frozen graphs that are not run: dangerous operations, broken files, missing tensors, inputs that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from frozen_graphs import (
    add_constant,
    add_node,
    small_graph,
)

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.graphdef.opening import open_graph
from feature_extractor.trunks.graphdef.operations import ALLOWED
from graft.errors import FailedPreconditionError, GraftError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def graph_def() -> Any:
    """A small graph that can be run."""
    return small_graph().graph_def


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[..., GraftError]:
    """Open a graph, or a file's bytes, and return the error."""

    def refused(content: Any, **options: Any) -> GraftError:
        path = tmp_path / "graph.pb"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        with pytest.raises(GraftError) as caught:
            open_graph(path, limits=DecodeLimits(), **options)
        return caught.value

    return refused


@pytest.mark.parametrize(
    "op",
    ["ReadFile", "WriteFile", "PyFunc", "SaveV2", "RestoreV2", "PartitionedCall", "While", "Print", "VarHandleOp",
     "NoSuchOperation", "RandomUniform", "PrintV2", "RemoteCall", "LoadLibrary", "TensorArrayV3", "Enter"],
)  # fmt: skip
def test_an_operation_outside_the_list_is_refused_by_name(
    graph_def: Any, refuse: Callable[..., GraftError], op: str
) -> None:
    """Wherever it is, also when nothing needs it; the graph never reaches TensorFlow."""
    add_node(graph_def, "aside", op)
    error = refuse(graph_def)
    assert isinstance(error, FailedPreconditionError)
    assert (error.reason, error.metadata) == ("GRAPH_OP_REFUSED", {"op": op, "node": "aside"})
    assert error.violations[0].subject == op


def test_a_graph_with_variables_is_said_not_to_be_frozen(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """The likeliest mistake has its own hint."""
    add_node(graph_def, "weights", "VariableV2")
    assert "not frozen" in refuse(graph_def).message


def test_functions_are_looked_into(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """A file could be read by a function of the graph's library, whatever its name."""
    function = graph_def.library.function.add()
    function.signature.name = "Relu6"
    function.node_def.add(name="inner", op="ReadFile")
    error = refuse(graph_def)
    assert error.reason == "GRAPH_OP_REFUSED"
    assert "of the function 'Relu6'" in error.message


def test_nothing_in_the_list_reaches_outside_or_keeps_a_state() -> None:
    """TensorFlow registers every operation of the list, and marks none as stateful but the one that only ever fails."""
    from tensorflow.python.framework import op_def_registry

    definitions = {op: op_def_registry.get(op) for op in ALLOWED}
    assert [op for op, definition in definitions.items() if definition is None] == []
    assert [op for op, definition in definitions.items() if definition.is_stateful] == ["CheckNumerics"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"<!doctype html><p>Not found", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b'node {\n  name: "x"\n}\n', "as text"),
        (b"\x0a\xff\xff\xff\xff\x0f" + bytes(50), "no GraphDef"),
        (b"\x22\x02\x08\x08", "no operations"),
    ],
)
def test_other_files_are_named_for_what_they_are(refuse: Callable[..., GraftError], content: bytes, words: str) -> None:
    """The message says what the file looks like."""
    error = refuse(content)
    assert error.reason == "GRAPH_UNREADABLE"
    assert words in error.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """It has a reason of its own."""
    with pytest.raises(FailedPreconditionError, match=r"none\.pb") as caught:
        open_graph(tmp_path / "none.pb", limits=DecodeLimits())
    assert caught.value.reason == "GRAPH_MISSING"


def test_a_file_too_large_for_protobuf_is_refused_unread(tmp_path: Path) -> None:
    """Its length alone tells."""
    path = tmp_path / "huge.pb"
    with path.open("wb") as file:
        file.truncate(2**31)  # a hole: it costs no disk
    with pytest.raises(FailedPreconditionError, match="2,147,483,648 bytes") as caught:
        open_graph(path, limits=DecodeLimits())
    assert caught.value.reason == "GRAPH_UNREADABLE"


def test_a_file_cut_anywhere_is_refused(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """Within a node it does not parse; between two nodes the vector or one of its inputs is missing."""
    content = graph_def.SerializeToString()
    reasons = {refuse(content[:length]).reason for length in range(1, len(content) - 60, 37)}
    assert reasons <= {"GRAPH_UNREADABLE", "GRAPH_TENSOR_MISSING"}
    last = graph_def.node[-1].ByteSize()
    cut = refuse(content[: len(content) - last - graph_def.versions.ByteSize() - 8])
    assert cut.reason in ("GRAPH_UNREADABLE", "GRAPH_TENSOR_MISSING")


def test_an_input_that_is_not_in_the_file_is_named(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """As after a cut between two nodes."""
    add_node(graph_def, "last", "Relu", "lost")
    error = refuse(graph_def)
    assert error.reason == "GRAPH_UNREADABLE"
    assert "'lost'" in error.message


@pytest.mark.parametrize("op", ["MatMul", "Mean", "Reshape", "ResizeBilinear", "Identity", "DecodePng"])
def test_a_node_that_lacks_an_input_is_named(graph_def: Any, refuse: Callable[..., GraftError], op: str) -> None:
    """Control inputs are none."""
    add_node(graph_def, "short", op, *(() if op in ("Identity", "DecodePng") else ("Mul",)), "^Sub")
    error = refuse(graph_def)
    assert error.reason == "GRAPH_UNREADABLE"
    assert f"node 'short' ({op}) takes" in error.message


def test_a_constant_whose_bytes_do_not_fit_is_named(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """The size of the resizing is read before TensorFlow sees the graph."""
    size = next(node for node in graph_def.node if node.name == "ResizeBilinear/size")
    size.attr["value"].tensor.tensor_content = b"123"
    error = refuse(graph_def)
    assert error.reason == "GRAPH_UNREADABLE"
    assert "'ResizeBilinear/size' cannot be read" in error.message


def test_a_constant_of_no_known_type_is_named(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """TensorFlow knows none of that number."""
    add_constant(graph_def, "odd", np.float32(1))
    graph_def.node[-1].attr["value"].tensor.dtype = 99
    assert "'odd' is of no known type" in refuse(graph_def).message


def test_constants_are_bounded_all_together(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """Three of a gigabyte are spelt in a few bytes, and would fill the memory as surely as one of three."""
    for name in "abc":
        add_constant(graph_def, name, np.float32(1))
        graph_def.node[-1].attr["value"].tensor.tensor_shape.dim.add(size=2**28)
    error = refuse(graph_def)
    assert error.reason == "GRAPH_UNREADABLE"
    assert "'b' has the shape" in error.message


@pytest.mark.parametrize("mode", ["batched", "faithful"])
def test_an_absurd_input_size_is_refused(graph_def: Any, refuse: Callable[..., GraftError], mode: str) -> None:
    """Before a grey picture of that size is made to try the graph out with."""
    import tensorflow as tf

    size = next(node for node in graph_def.node if node.name == "ResizeBilinear/size")
    size.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array([70_000, 16], np.int32)))
    error = refuse(graph_def, mode=mode)
    assert error.reason == "GRAPH_INPUT_UNSUPPORTED"
    assert "16 x 70000 pixels" in error.message


@pytest.mark.parametrize("mode", ["batched", "faithful"])
def test_a_vector_that_is_not_finite_is_refused(graph_def: Any, refuse: Callable[..., GraftError], mode: str) -> None:
    """Nothing can be compared with it."""
    import tensorflow as tf

    add_node(graph_def, "zero", "Sub", "pool_3", "pool_3", T=tf.float32)
    add_node(graph_def, "nan", "RealDiv", "zero", "zero", T=tf.float32)
    error = refuse(graph_def, output_name="nan", mode=mode)
    assert error.reason == "GRAPH_FAILED"
    assert "not finite" in error.message


def test_a_constant_of_absurd_size_is_refused(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """A few bytes can spell a tensor of terabytes."""
    add_constant(graph_def, "bomb", np.float32(1))
    shape = graph_def.node[-1].attr["value"].tensor.tensor_shape
    for _ in range(4):
        shape.dim.add(size=2**16)
    assert "'bomb'" in refuse(graph_def).message


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({"output_name": "pool_3/reshape:0"}, "pool_3/_reshape:0"),
        ({"input_name": "DecodeJpg:0"}, "DecodeJpeg:0"),
        ({"output_name": "pool_3/_reshape:4"}, "has 1 outputs"),
        ({"input_name": "DecodeJpeg/contents:1"}, "has 1 outputs"),
        ({"output_name": "xyz"}, "the nearest names are"),
    ],
)
def test_a_missing_tensor_names_the_nearest(
    graph_def: Any, refuse: Callable[..., GraftError], options: dict[str, str], near: str
) -> None:
    """A misspelt name is answered with what it may have meant."""
    error = refuse(graph_def, mode="faithful", **options)
    assert error.reason == "GRAPH_TENSOR_MISSING"
    assert near in error.message


@pytest.mark.parametrize("name", ["", "a b", ":0", "a:b", "^a"])
def test_what_is_no_name_of_a_tensor(graph_def: Any, refuse: Callable[..., GraftError], name: str) -> None:
    """It is an argument that could never be right."""
    error = refuse(graph_def, output_name=name)
    assert isinstance(error, InvalidArgumentError)
    assert error.reason == "GRAPH_TENSOR_NAME"


def test_an_input_that_no_operation_decodes_names_the_one_that_does(
    graph_def: Any, refuse: Callable[..., GraftError]
) -> None:
    """Pixels could be fed, but nothing says how they were prepared."""
    error = refuse(graph_def, input_name="Mul:0")
    assert error.reason == "GRAPH_INPUT_UNSUPPORTED"
    assert "DecodeJpeg/contents:0" in error.message


def test_an_output_beside_the_input_is_refused(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """A vector that does not depend on the picture is none."""
    add_constant(graph_def, "alone", np.zeros((1, 4), np.float32))
    assert refuse(graph_def, output_name="alone:0").reason == "GRAPH_DISCONNECTED"


def test_a_vector_of_two_pictures_is_refused(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """Which of the two is fed would change what the vector means, and the fingerprint does not tell."""
    import tensorflow as tf

    add_constant(graph_def, "second", b"")
    add_node(graph_def, "DecodePng", "DecodePng", "second", channels=3)
    add_node(graph_def, "shape", "Shape", "DecodePng", T=tf.uint8, out_type=tf.int32)
    next(node for node in graph_def.node if node.name == "pool_3/_reshape").input.append("^shape")
    error = refuse(graph_def)
    assert error.reason == "GRAPH_INPUT_UNSUPPORTED"
    assert "DecodeJpeg/contents:0 and second:0" in error.message


def test_what_tensorflow_does_not_take_is_told_in_its_words(graph_def: Any, refuse: Callable[..., GraftError]) -> None:
    """BatchNormWithGlobalNormalization in a graph that claims to be new."""
    graph_def.versions.producer = 1000
    error = refuse(graph_def)
    assert error.reason == "GRAPH_UNREADABLE"
    assert "BatchNormWithGlobalNormalization" in error.message
