"""What is in a graph's file: its operations, what is refused, and the tensors a trunk could use; nothing is run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.graphdef.candidates import input_candidates, vector_candidates
from feature_extractor.trunks.graphdef.operations import refused_operations
from feature_extractor.trunks.graphdef.plan import make_plan
from feature_extractor.trunks.graphdef.reading import read_graph
from feature_extractor.trunks.graphdef.sessions import import_graph, part_of
from feature_extractor.trunks.graphdef.structure import Structure, Tensor, tensor_of
from graft.errors import GraftError

if TYPE_CHECKING:
    from pathlib import Path

    from feature_extractor.trunks.graphdef.candidates import Candidate
    from feature_extractor.trunks.graphdef.operations import Refused


@dataclass(frozen=True, slots=True)
class Inspection:
    """A graph's file.

    Attributes:
        path: the file.
        size_bytes: its length.
        sha256: of its bytes.
        producer: the GraphDef version it was written with.
        operations: how many there are.
        types: how often each type occurs, the most frequent first.
        refused: those outside the allow-list.
        functions: library functions in it.
        inputs: tensors that can take a picture.
        vectors: tensors that can be the vector.
        problem: why it cannot be imported although nothing is refused, empty if it can.
        batches: whether, by the graph's structure, the first input and the first vector can be run in batches; None if
            there are no such two, or if it cannot be imported.
    """

    path: str
    size_bytes: int
    sha256: str
    producer: int
    operations: int
    types: dict[str, int]
    refused: tuple[Refused, ...]
    functions: int
    inputs: tuple[Candidate, ...]
    vectors: tuple[Candidate, ...]
    problem: str
    batches: bool | None


def inspect_graph(path: Path) -> Inspection:
    """Look into a graph's file. TensorFlow infers shapes from it only if none of its operations is refused.

    Raises:
        FailedPreconditionError: GRAPH_MISSING or GRAPH_UNREADABLE.
    """
    file = read_graph(path)
    structure = Structure(file.graph_def)
    refused = refused_operations(file.graph_def)
    shapes: dict[str, tuple[int | None, ...] | None] = {}
    problem = ""
    if not refused:
        try:
            shapes = _shapes(file.graph_def, structure, str(path))
        except GraftError as error:
            problem = error.message
    inputs = input_candidates(structure)
    vectors = vector_candidates(structure, shapes)
    types = Counter(node.op for node in file.graph_def.node)
    return Inspection(
        path=str(path),
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        producer=file.graph_def.versions.producer,
        operations=len(structure.nodes),
        types=dict(types.most_common()),
        refused=refused,
        functions=len(file.graph_def.library.function),
        inputs=tuple(inputs),
        vectors=tuple(vectors),
        problem=problem,
        batches=None if refused or problem else _batches(structure, inputs, vectors, str(path)),
    )


def _shapes(graph_def: Any, structure: Structure, source: str) -> dict[str, tuple[int | None, ...] | None]:
    """The first output's shape of every node, as TensorFlow infers them."""
    part = part_of(graph_def, structure, [Tensor(name) for name in structure.nodes])
    return {
        output.name: tuple(output.shape.as_list()) if output.shape.rank is not None else None
        for operation in import_graph(part, source).get_operations()
        for output in operation.outputs[:1]
    }


def _batches(structure: Structure, inputs: list[Candidate], vectors: list[Candidate], source: str) -> bool | None:
    usable = [each for each in inputs if each.usable]
    if not usable or not vectors:
        return None
    try:
        plan = make_plan(structure, tensor_of(usable[0].tensor), tensor_of(vectors[0].tensor), source)
    except GraftError:
        return None
    return plan.resizing is not None
