"""A frozen graph's file: read, parsed as data, and refused by name when it is cut short, huge or something else."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.graphdef.operations import LEAST_INPUTS
from feature_extractor.trunks.weights.graphs import read_graph_file, unreadable_graph
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_CONSTANT_BYTES = 2**31  # of all constants together; what a file can hold at most if it spells every value
_HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A parsed file; nothing of it has been imported or run.

    Attributes:
        graph_def: the tensorflow.GraphDef.
        sha256: SHA-256 of the file's bytes, 64 lower-case hex digits.
        size_bytes: length of the file.
    """

    graph_def: Any
    sha256: str
    size_bytes: int


def read_graph(path: Path, content: bytes | None = None) -> GraphFile:
    """Parse a GraphDef and check that it is whole: every input of every node is there.

    `content` is what was read of the file before, where something else depends on it being just that.

    Raises:
        FailedPreconditionError: GRAPH_MISSING or GRAPH_UNREADABLE.
    """
    if content is None:
        content = _content(path)
    if not content:
        raise unreadable_graph(path, "it is empty (0 bytes)")
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph_def = GraphDef()
    try:
        graph_def.ParseFromString(content)
    except DecodeError as error:
        raise unreadable_graph(path, f"it is no GraphDef, or cut short ({_looks(content)})") from error
    if not graph_def.node:
        raise unreadable_graph(path, f"it holds no operations ({_looks(content)})")
    _check_whole(graph_def, path)
    _check_constants(graph_def, path)
    return GraphFile(graph_def, hashlib.sha256(content).hexdigest(), len(content))


def _content(path: Path) -> bytes:
    try:
        return read_graph_file(path)
    except FileNotFoundError as error:
        raise FailedPreconditionError(f"there is no graph file {path}", reason="GRAPH_MISSING") from error
    except OSError as error:
        raise unreadable_graph(path, error.strerror or str(error)) from error


def _looks(content: bytes) -> str:
    """What the file is instead, as far as its beginning tells."""
    head = content[:_HEAD_BYTES]
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file: Keras weights end in .h5"
    if head.startswith(b"PK\x03\x04"):
        return "it is a ZIP archive"
    if head.startswith((b"version https://git-lfs", b"<")):
        return "it is a pointer or a web page, not the file itself"
    if head.lstrip().startswith((b"node {", b"node:", b"versions {")):
        return "it is a graph written as text; save it as binary"
    return f"{len(content):,} bytes; a SavedModel or a checkpoint is not a frozen graph either"


def _check_whole(graph_def: Any, path: Path) -> None:
    """A file cut between two nodes parses; its last nodes' users then lack an input."""
    names: set[str] = set()
    for node in graph_def.node:
        if not node.name or not node.op:
            raise unreadable_graph(path, "a node in it has no name or no operation")
        if node.name in names:
            raise unreadable_graph(path, f"it holds two nodes {node.name!r}")
        names.add(node.name)
    for node in graph_def.node:
        least = LEAST_INPUTS.get(node.op, 0)
        taken = [each for each in node.input[:least] if not each.startswith("^")]
        if len(taken) < least:
            raise unreadable_graph(path, f"node {node.name!r} ({node.op}) takes {len(taken)} tensors, not {least}")
        for each in node.input:
            wanted = each.removeprefix("^").partition(":")[0]
            if wanted not in names:
                raise unreadable_graph(
                    path, f"node {node.name!r} takes {each!r}, which is not in it: it may be cut short"
                )


def _check_constants(graph_def: Any, path: Path) -> None:
    """A constant may spell a huge shape in a few bytes, and so may many."""
    import tensorflow as tf

    left = _MAX_CONSTANT_BYTES
    for node in graph_def.node:
        if node.op == "Const":
            value = node.attr["value"].tensor
            sizes = [dimension.size for dimension in value.tensor_shape.dim]
            try:
                left -= math.prod(sizes) * tf.as_dtype(value.dtype).size
            except (TypeError, KeyError) as error:
                raise unreadable_graph(path, f"its constant {node.name!r} is of no known type") from error
            if min(sizes, default=0) < 0 or left < 0:
                raise unreadable_graph(
                    path,
                    f"its constant {node.name!r} has the shape {sizes}; all together may take "
                    f"{_MAX_CONSTANT_BYTES:,} bytes",
                )
