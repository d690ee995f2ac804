"""Where a frozen graph is fed, cut and fetched, found by walking it from the picture's bytes to the vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from feature_extractor.trunks.graphdef.operations import DECODERS, RESIZERS
from feature_extractor.trunks.graphdef.structure import Tensor
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from feature_extractor.trunks.graphdef.structure import Structure

_PASSING = frozenset({"Identity", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape"})
_RESHAPING = frozenset({"Reshape", "Squeeze", "ExpandDims"})
_MAX_SIDE_PX = 4096  # ten times what networks take; larger ones would fill the memory with a few pictures
_SIZE_INPUT = 1  # a resizing operation takes (pictures, size)


@dataclass(frozen=True, slots=True)
class Resizing:
    """Where the picture has the network's input size.

    Attributes:
        tensor: float[1, height_px, width_px, 3], what the network proper takes.
        height_px: height in pixels, a constant of the graph.
        width_px: width in pixels.
    """

    tensor: Tensor
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The places in a graph that a trunk needs.

    Attributes:
        contents: string[], takes a picture's bytes.
        decoder: type of the operation that decodes them, e.g. `DecodeJpeg`.
        decoded: uint8[h, w, 3], its output.
        resizing: where decoding and resizing end; None if the graph has no such place.
        output: the vector, as it was asked for.
        unreshaped: what goes into the reshaping that makes `output`: pictures along the first axis. `output` itself
            where nothing is reshaped.
    """

    contents: Tensor
    decoder: str
    decoded: Tensor
    resizing: Resizing | None
    output: Tensor
    unreshaped: Tensor

    @property
    def reshaped(self) -> bool:
        """Whether the vector is another tensor's values in another shape."""
        return self.output != self.unreshaped


def make_plan(structure: Structure, contents: Tensor, output: Tensor, source: str) -> Plan:
    """Find the way from a picture's bytes to the vector.

    Raises:
        FailedPreconditionError: GRAPH_INPUT_UNSUPPORTED, the input is not decoded, or one of several, or resized to an
            absurd size; GRAPH_DISCONNECTED, the output does not depend on it.
    """
    decoder = _decoder_of(structure, contents, source)
    needed = structure.ancestors([output.node])
    if contents.node not in needed:
        raise FailedPreconditionError(
            f"the output {output} of {source} does not depend on the input {contents}; "
            "`graft trunk inspect` lists what can be an input and an output",
            reason="GRAPH_DISCONNECTED",
        )
    _check_only_input(structure, contents, needed, f"the output {output} of {source}")
    unreshaped = _unreshaped(structure, output)
    return Plan(
        contents=contents,
        decoder=structure.nodes[decoder].op,
        decoded=Tensor(decoder),
        resizing=_resizing_of(structure, decoder, contents, unreshaped, source),
        output=output,
        unreshaped=unreshaped,
    )


def _check_only_input(structure: Structure, contents: Tensor, needed: set[str], what: str) -> None:
    """Refuse a second picture, so that the file and the output alone tell what a vector means."""
    for name in sorted(needed):
        if structure.nodes[name].op in DECODERS:
            taken = structure.data_inputs(name)[0]
            if not _passed_on(structure, taken.node, contents.node):
                raise FailedPreconditionError(
                    f"{what} depends on two pictures, {contents} and {taken}; a vector is of one",
                    reason="GRAPH_INPUT_UNSUPPORTED",
                )


def not_batchable(source: str, why: str) -> FailedPreconditionError:
    """The error for a graph whose shape takes one picture only."""
    return FailedPreconditionError(
        f"{source} cannot be run in batches: {why}. Run it with --graph-mode faithful, a picture at a time",
        reason="GRAPH_NOT_BATCHABLE",
    )


def _decoder_of(structure: Structure, contents: Tensor, source: str) -> str:
    for name in [contents.node, *structure.downstream(contents.node)]:
        node = structure.nodes[name]
        if node.op in DECODERS and _passed_on(structure, structure.inputs(name)[0], contents.node):
            return name
    decoders = [f"{structure.inputs(name)[0]}:0" for name, node in structure.nodes.items() if node.op in DECODERS]
    known = f"; it decodes what {', '.join(decoders)} takes" if decoders else "; it decodes no pictures at all"
    raise FailedPreconditionError(
        f"the input {contents} of {source} does not take a picture's bytes: no operation of "
        f"{', '.join(DECODERS)} decodes it{known}. How pictures must be prepared for another input is not written in "
        "the graph",
        reason="GRAPH_INPUT_UNSUPPORTED",
    )


def _passed_on(structure: Structure, name: str, origin: str) -> bool:
    """Whether a node is `origin` or hands its value on unchanged."""
    seen: set[str] = set()
    while name != origin and structure.nodes[name].op in _PASSING and name not in seen:
        seen.add(name)
        name = structure.inputs(name)[0]
    return name == origin


def _unreshaped(structure: Structure, output: Tensor) -> Tensor:
    """Through reshaping that keeps the order of the values: a constant [1, 2048] cannot take a batch.

    Flattening each picture's values of what goes into it gives the same vector.
    """
    found = tensor = output
    seen: set[str] = set()
    while tensor.node not in seen:
        seen.add(tensor.node)
        op = structure.nodes[tensor.node].op
        if op not in _PASSING | _RESHAPING:
            break
        tensor = structure.data_inputs(tensor.node)[0]
        if op in _RESHAPING:
            found = tensor
    return found


def _resizing_of(structure: Structure, decoder: str, contents: Tensor, target: Tensor, source: str) -> Resizing | None:
    """The first resizing to a constant size behind which nothing depends on the picture's bytes any more."""
    wanted = structure.ancestors([target.node])
    for name in structure.downstream(decoder):
        if name not in wanted or structure.nodes[name].op not in RESIZERS:
            continue
        size = structure.constant(structure.inputs(name)[_SIZE_INPUT])
        if size is None or np.shape(size) != (2,) or np.min(size) < 1:
            continue
        if contents.node not in structure.ancestors([target.node], stop=name):
            if np.max(size) > _MAX_SIDE_PX:
                raise FailedPreconditionError(
                    f"{source} resizes pictures to {size[1]} x {size[0]} pixels; a side has at most {_MAX_SIDE_PX}",
                    reason="GRAPH_INPUT_UNSUPPORTED",
                )
            return Resizing(Tensor(name), int(size[0]), int(size[1]))
    return None
