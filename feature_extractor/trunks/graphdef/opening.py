"""Opens a frozen graph as a trunk: checked, planned, and started whole or in batches.

Importing this module is cheap; `open_graph` imports TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.graphdef.headers import open_header
from feature_extractor.trunks.graphdef.operations import DECODERS, check_operations
from feature_extractor.trunks.graphdef.plan import make_plan, not_batchable
from feature_extractor.trunks.graphdef.preparing import Preparation, blank_picture
from feature_extractor.trunks.graphdef.reading import read_graph
from feature_extractor.trunks.graphdef.sessions import (
    import_graph,
    part_of,
    size_pool,
    start_network,
    start_preparation,
)
from feature_extractor.trunks.graphdef.structure import Structure
from feature_extractor.trunks.graphdef.vectors import batch_runner, probe, single_runner
from feature_extractor.trunks.precision import FLOAT32
from graft.errors import FailedPreconditionError, GraftError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from feature_extractor.trunks.graphdef.plan import Plan

    Run = Callable[[NDArray[Any]], NDArray[np.float32]]

BATCHED: Final = "batched"
FAITHFUL: Final = "faithful"

DEFAULT_INPUT = "DecodeJpeg/contents:0"
DEFAULT_OUTPUT = "pool_3/_reshape:0"
"""Names in the Inception-V3 file of 2015, which retrain.py and the tutorials use."""


@dataclass(frozen=True, slots=True)
class OpenedGraph:
    """A running graph.

    Attributes:
        run: items [n, ...] -> float32[n, dimensions], for any n; callable from many threads.
        dimensions: length of a vector.
        prepare: a picture's bytes and its distortions -> one item, `Prepared.pixels`, and those of its views.
        preprocessing: id of what `prepare` and the graph do to a picture; the same in both modes, since their vectors
            agree to 1e-4.
        sha256: of the file, 64 lower-case hex digits.
        input_size_px: longer side of the network's input in pixels; 0 if the graph has no constant size.
        blank: an item of a grey picture, to warm up with: [height, width, 3], or object[] that holds a picture's bytes.
    """

    run: Run
    dimensions: int
    prepare: Preparation
    preprocessing: str
    sha256: str
    input_size_px: int
    blank: NDArray[Any]


def open_graph(
    path: Path,
    content: bytes | None = None,
    *,
    input_name: str = DEFAULT_INPUT,
    output_name: str = DEFAULT_OUTPUT,
    mode: Literal["batched", "faithful"] = BATCHED,
    threads: int = 0,
    limits: DecodeLimits,
    precision: str = FLOAT32,
    gpu: bool = True,
) -> OpenedGraph:
    """Read, check and start a frozen graph; runs it two or three times to see what its vectors are like.

    Args:
        path: the GraphDef.
        content: the file's bytes, if they were read before.
        input_name: string tensor that takes a picture's bytes.
        output_name: tensor that is the vector; of a map the average over its positions is taken.
        mode: `faithful` runs the graph whole, a picture at a time. `batched` runs its decoding and resizing picture by
            picture, and the network behind them on many pictures at once.
        threads: that compute a batch; 0 is one a core.
        limits: of a picture.
        precision: `float32`, or `bfloat16` on a processor that multiplies it.
        gpu: whether a GPU may be used.

    Raises:
        InvalidArgumentError: GRAPH_TENSOR_NAME.
        FailedPreconditionError: GRAPH_MISSING, GRAPH_UNREADABLE, GRAPH_OP_REFUSED, GRAPH_TENSOR_MISSING,
            GRAPH_INPUT_UNSUPPORTED, GRAPH_DISCONNECTED, GRAPH_NOT_BATCHABLE or GRAPH_FAILED.
    """
    source = str(path)
    file = read_graph(path, content)
    check_operations(file.graph_def, source)
    structure = Structure(file.graph_def)
    plan = make_plan(structure, structure.require(input_name, source), structure.require(output_name, source), source)
    if mode == BATCHED and plan.resizing is None:
        raise not_batchable(
            source,
            f"between {plan.decoder} and {plan.output} there is no resizing to a constant size, behind which the "
            "network takes nothing but its result",
        )
    size_pool(threads)
    start = partial(start_network, threads=threads, precision=precision, gpu=gpu, source=source)
    prepare_within = _start_preparation(file.graph_def, structure, plan, mode, source)
    side_px = max(plan.resizing.height_px, plan.resizing.width_px) if plan.resizing else 0
    blank = _blank(prepare_within(DecodeLimits()), side_px or 64, source)
    if mode == BATCHED and plan.resizing is not None:
        part = part_of(file.graph_def, structure, [plan.unreshaped], cut=plan.resizing)
        call = start(import_graph(part, source), plan.resizing.tensor, plan.unreshaped)
        run = batch_runner(call, flatten=plan.reshaped)
    else:
        part = part_of(file.graph_def, structure, [plan.output])
        call = start(import_graph(part, source), plan.contents, plan.output)
        run = single_runner(call, flatten=plan.reshaped)
    return OpenedGraph(
        run=run,
        dimensions=probe(run, blank, source, batches=mode == BATCHED),
        prepare=prepare_within(limits),
        preprocessing=f"tf-decode-resize-{_size(plan)}-v1" if plan.resizing else "tf-decode-whole-v1",
        sha256=file.sha256,
        input_size_px=side_px,
        blank=blank,
    )


def _start_preparation(
    graph_def: Any, structure: Structure, plan: Plan, mode: str, source: str
) -> Callable[[DecodeLimits], Preparation]:
    """What prepares pictures within limits."""
    ends = [plan.decoded] if mode == FAITHFUL or plan.resizing is None else [plan.decoded, plan.resizing.tensor]
    graph = import_graph(part_of(graph_def, structure, ends), source)
    decode = start_preparation(graph, plan.contents, plan.decoded, source=source)
    resize = start_preparation(graph, plan.decoded, ends[-1], source=source) if len(ends) > 1 else None
    formats = DECODERS[plan.decoder]

    def within(limits: DecodeLimits) -> Preparation:
        return Preparation(lambda content: open_header(content, limits, formats), decode, resize)

    return within


def _blank(prepare: Preparation, side_px: int, source: str) -> NDArray[Any]:
    try:
        return prepare(blank_picture(side_px, side_px)).pixels
    except GraftError as error:
        raise FailedPreconditionError(
            f"the decoding in {source} does not take an RGB JPEG: {error.message}", reason="GRAPH_INPUT_UNSUPPORTED"
        ) from error


def _size(plan: Plan) -> str:
    """`299`, or `224x320` (height x width) for what is no square."""
    if plan.resizing is None:
        return ""
    height, width = plan.resizing.height_px, plan.resizing.width_px
    return str(width) if height == width else f"{height}x{width}"
