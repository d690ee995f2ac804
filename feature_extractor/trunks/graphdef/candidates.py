"""Which tensors of a graph can take a picture and which can be the vector, told from its structure alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.graphdef.operations import DECODERS
from feature_extractor.trunks.graphdef.structure import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from feature_extractor.trunks.graphdef.structure import Structure

    Shapes = Mapping[str, tuple[int | None, ...] | None]
    """Shapes of tensors by name; None where not even the number of axes is known."""

_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_PASSING = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "Reshape", "Squeeze", "ExpandDims"}
)
_RESHAPING = frozenset({"Reshape", "Squeeze"})
_POOLS = frozenset({"AvgPool", "Mean", "MaxPool", "Max"})
_POSITION_AXES = ((1, 2), (2, 3))  # NHWC, NCHW
_IMAGE_RANK = 4
_VECTOR_RANK = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tensor worth naming.

    Attributes:
        tensor: its name, `node:0`.
        dtype: e.g. `string` or `float32`; empty if the graph does not say.
        shape: of its axes, None for one of any length; None as a whole if it is not known.
        why: what makes it one, in a few words.
        usable: whether a trunk can be fed there, or fetched.
    """

    tensor: str
    dtype: str
    shape: tuple[int | None, ...] | None
    why: str
    usable: bool = True


def input_candidates(structure: Structure) -> list[Candidate]:
    """What takes pictures: first what a decoding operation takes, then placeholders of text and of pictures."""
    found: dict[str, Candidate] = {}
    for name, node in structure.nodes.items():
        if node.op in DECODERS:
            tensor = str(structure.data_inputs(name)[0])
            found.setdefault(tensor, Candidate(tensor, "string", (), f"a picture's bytes, decoded by {name}"))
    for name, node in structure.nodes.items():
        tensor = str(Tensor(name))
        if node.op in _PLACEHOLDERS and tensor not in found:
            dtype, shape = _dtype(node), _declared_shape(node)
            if dtype == "string":
                why = "a placeholder of text that no picture is decoded from"
            elif shape is None or len(shape) == _IMAGE_RANK:
                why = "a placeholder of pixels; how they must be prepared is not in the graph"
            else:
                continue
            found[tensor] = Candidate(tensor, dtype, shape, why, usable=False)
    return list(found.values())


def vector_candidates(structure: Structure, shapes: Shapes) -> list[Candidate]:
    """What can be the bottleneck: what fully-connected layers take and what goes into that, pools, and what is last.

    `shapes` has the shape of tensors by name as far as it is known; without it the constants beside them tell some.
    """
    found: dict[str, str] = {}
    for tensor, why in _vectors(structure, shapes):
        found.setdefault(str(tensor), why)
    return [
        Candidate(name, "float32", shapes.get(name) or _told_by_constants(structure, name), why)
        for name, why in found.items()
    ]


def _vectors(structure: Structure, shapes: Shapes) -> Iterator[tuple[Tensor, str]]:
    """Tensors and why, the likeliest first; the same one may come again."""
    yield from _before_classifiers(structure)
    yield from _reshaped_pools(structure)
    for name, node in structure.nodes.items():
        if node.op in _POOLS and _is_global(structure, name, shapes):
            yield Tensor(name), f"a global pool ({node.op})"
    for name, node in structure.nodes.items():
        shape = shapes.get(f"{name}:0")
        last = node.op not in _PLACEHOLDERS and not structure.users(name)
        if last and shape is not None and len(shape) in (_VECTOR_RANK, _IMAGE_RANK):
            yield Tensor(name), "nothing takes it"


def _before_classifiers(structure: Structure) -> Iterator[tuple[Tensor, str]]:
    for name, node in structure.nodes.items():
        if node.op == "MatMul" and structure.constant_shape(structure.inputs(name)[1]) is not None:
            taken = structure.data_inputs(name)[0]
            yield taken, f"what the fully-connected layer {name} takes"
            for each in _behind(structure, taken):
                yield each, f"what goes into {taken}"


def _reshaped_pools(structure: Structure) -> Iterator[tuple[Tensor, str]]:
    for name, node in structure.nodes.items():
        behind = list(_behind(structure, Tensor(name))) if node.op in _RESHAPING else []
        if behind and structure.nodes[behind[-1].node].op in _POOLS:
            yield Tensor(name), f"{behind[-1]} in another shape"
            yield behind[-1], f"what goes into {name}"


def _behind(structure: Structure, tensor: Tensor) -> Iterator[Tensor]:
    """Back from a tensor through what only reshapes it."""
    seen: set[str] = set()
    while structure.nodes[tensor.node].op in _PASSING and tensor.node not in seen:
        seen.add(tensor.node)
        tensor = structure.data_inputs(tensor.node)[0]
        yield tensor


def _is_global(structure: Structure, name: str, shapes: Shapes) -> bool:
    """Whether one position is left."""
    if structure.nodes[name].op in ("Mean", "Max"):
        axes = structure.constant(structure.inputs(name)[1])
        return axes is not None and tuple(np.ravel(axes).tolist()) in _POSITION_AXES
    shape = shapes.get(f"{name}:0")
    return shape is not None and len(shape) == _IMAGE_RANK and (shape[1:3] == (1, 1) or shape[2:] == (1, 1))


def _told_by_constants(structure: Structure, name: str) -> tuple[int | None, ...] | None:
    """The shape of a reshape's result, or of what a weight matrix is multiplied with."""
    node = name.partition(":")[0]
    if structure.nodes[node].op == "Reshape":
        shape = structure.constant(structure.inputs(node)[1])
        if shape is not None:
            return tuple(None if size < 0 else int(size) for size in np.ravel(shape))
    for user in structure.users(node):
        if structure.nodes[user].op == "MatMul":
            weights = structure.constant_shape(structure.inputs(user)[1])
            if weights and len(weights) == _VECTOR_RANK and not structure.nodes[user].attr["transpose_b"].b:
                return (None, weights[0])
    return None


def _dtype(node: Any) -> str:
    import tensorflow as tf

    try:
        return str(tf.as_dtype(node.attr["dtype"].type).name)
    except TypeError:  # none at all, or none that this TensorFlow knows
        return ""


def _declared_shape(node: Any) -> tuple[int | None, ...] | None:
    if "shape" not in node.attr or node.attr["shape"].shape.unknown_rank:
        return None
    shape = node.attr["shape"].shape
    return tuple(None if dimension.size < 0 else int(dimension.size) for dimension in shape.dim)
