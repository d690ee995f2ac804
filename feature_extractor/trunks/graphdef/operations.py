"""The operations that a frozen graph may use: arithmetic on tensors alone, since a graph can read and write files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.errors import FailedPreconditionError, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

DECODERS = {
    "DecodeJpeg": ("JPEG", "PNG", "GIF"),
    "DecodePng": ("JPEG", "PNG", "GIF"),
    "DecodeImage": ("JPEG", "PNG", "BMP", "GIF"),
    "DecodeBmp": ("BMP",),
}
"""What decodes a picture within a graph, and the formats that TensorFlow's kernels for it really take. A GIF must have
one frame only."""

RESIZERS = frozenset({"ResizeBilinear", "ResizeBicubic", "ResizeNearestNeighbor", "ResizeArea"})
"""What brings a picture to the input size."""

_TAKE_ONE = ("Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "EnsureShape", "Squeeze")
_TAKE_TWO = ("MatMul", "Mean", "Max", "Reshape", "ExpandDims")
LEAST_INPUTS = dict.fromkeys([*DECODERS, *_TAKE_ONE], 1) | dict.fromkeys([*RESIZERS, *_TAKE_TWO], 2)
"""Of operations that are looked at before TensorFlow has checked a graph: how many tensors each takes."""

_PLAIN = """
    Const Identity IdentityN NoOp StopGradient PreventGradient Snapshot Placeholder PlaceholderV2
    PlaceholderWithDefault CheckNumerics EnsureShape
"""
_SHAPES = """
    Shape ShapeN Size Rank Reshape ExpandDims Squeeze Transpose Concat ConcatV2 ConcatOffset Pack Unpack Split SplitV
    Slice StridedSlice Gather GatherV2 Pad PadV2 MirrorPad Tile Fill Range ZerosLike OnesLike BroadcastTo Reverse
    ReverseV2 SpaceToBatchND BatchToSpaceND SpaceToDepth DepthToSpace CropAndResize
"""
_ARITHMETIC = """
    Cast Add AddV2 AddN Sub Mul Div RealDiv FloorDiv FloorMod Mod DivNoNan Neg Abs Sign Square Sqrt Rsqrt Reciprocal
    Inv Exp Expm1 Log Log1p Pow SquaredDifference Maximum Minimum Floor Ceil Round Rint ClipByValue Mean Sum Prod Max
    Min All Any ArgMax ArgMin Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot Select
    SelectV2 Switch Merge
"""
_NETWORK = """
    Conv2D DepthwiseConv2dNative BiasAdd BiasAddV1 MatMul BatchMatMul BatchMatMulV2 MaxPool MaxPoolV2 AvgPool LRN
    BatchNormWithGlobalNormalization FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Relu Relu6 Elu Selu LeakyRelu
    Sigmoid Tanh Softplus Softsign Softmax LogSoftmax TopK TopKV2 L2Loss FakeQuantWithMinMaxArgs
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
"""
ALLOWED = frozenset((_PLAIN + _SHAPES + _ARITHMETIC + _NETWORK).split()) | DECODERS.keys() | RESIZERS
"""Every operation that may be in a graph. None reads or writes a file, opens a connection, calls back into Python,
draws random numbers, keeps a state, loops, or calls a function."""

_VARIABLES = frozenset(
    {"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "AutoReloadVariable", "TemporaryVariable"}
)
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """One operation outside the allow-list.

    Attributes:
        op: its type, e.g. `ReadFile`.
        node: the name of the first node of that type.
        count: nodes of that type.
        function: the library function that holds the first, empty for the graph itself.
    """

    op: str
    node: str
    count: int
    function: str


def refused_operations(graph_def: Any) -> tuple[Refused, ...]:
    """What a GraphDef uses beyond the allow-list, in its own functions too, in order of first use."""
    found: dict[str, Refused] = {}
    for op, node, function in _operations(graph_def):
        if op not in ALLOWED:
            known = found.get(op)
            first = known or Refused(op, node, 0, function)
            found[op] = Refused(op, first.node, first.count + 1, first.function)
    return tuple(found.values())


def check_operations(graph_def: Any, source: str) -> None:
    """Refuse a graph that could do more than compute.

    Raises:
        FailedPreconditionError: GRAPH_OP_REFUSED, naming each operation and its first node.
    """
    refused = refused_operations(graph_def)
    if not refused:
        return
    first = refused[0]
    hint = ""
    if any(each.op in _VARIABLES for each in refused):
        hint = "; the graph is not frozen: its weights are variables kept in other files, make them constants first"
    raise FailedPreconditionError(
        f"{source} is not run, because it uses the operation {first.op} ({_place(first)}), which is none of those "
        f"that a trunk may use{hint}",
        reason="GRAPH_OP_REFUSED",
        violations=tuple(Violation(each.op, f"{each.count} nodes, first {_place(each)}") for each in refused[:_SHOWN]),
        metadata={"op": first.op, "node": first.node},
    )


def _place(refused: Refused) -> str:
    inside = f" of the function {refused.function!r}" if refused.function else ""
    return f"node {refused.node!r}{inside}"


def _operations(graph_def: Any) -> Iterator[tuple[str, str, str]]:
    """Type, node and function of every operation."""
    for node in graph_def.node:
        yield node.op, node.name, ""
    for function in graph_def.library.function:
        for node in function.node_def:
            yield node.op, node.name, function.signature.name
