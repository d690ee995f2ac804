"""From a request to a running trunk: what the home has on record, or newly chosen.

Importing this module is cheap; `load_trunk` imports the engine, after it has seen to what the engine may see.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.engines.choice import OPENVINO, choose_engine
from feature_extractor.trunks.engines.starting import GraphMode, LoadedTrunk, Start
from feature_extractor.trunks.graphdef.opening import DEFAULT_INPUT, DEFAULT_OUTPUT
from feature_extractor.trunks.graphdef.structure import tensor_of
from feature_extractor.trunks.precision import check_precision, processor_multiplies_bfloat16
from feature_extractor.trunks.trunk import BUCKETS
from feature_extractor.trunks.weights.files import SUFFIXES
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.record import AUTO, RECORD_NAME, TrunkRecord, TrunkRequest
from feature_extractor.trunks.weights.sources import WeightsSource, source_of
from feature_extractor.trunks.weights.storage import sweep_temporary_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["AUTO", "LoadedTrunk", "load_trunk"]


def load_trunk(
    home: Path,
    request: TrunkRequest,
    *,
    limits: DecodeLimits | None = None,
    threads: int = 0,
    device: str = "auto",
    cpu_fallback: bool = False,
    graph_mode: GraphMode = "batched",
    buckets: Sequence[int] = BUCKETS,
    stop: threading.Event | None = None,
    sources: Callable[[str], WeightsSource] = source_of,
    native_bfloat16: Callable[[], bool] = processor_multiplies_bfloat16,
) -> LoadedTrunk:
    """Build the trunk a home asks for. Takes seconds, minutes when weights are fetched; `stop` ends it early.

    The first start with a request resolves it and records the outcome under HOME/weights; every later one builds
    exactly that trunk again, its weights checked by SHA-256, or fails.

    One process runs one trunk on one device: what the engine may see is set in the process's environment.

    Raises:
        InvalidArgumentError: UNKNOWN_WEIGHTS, UNKNOWN_LAYER, UNKNOWN_PRECISION, UNKNOWN_ENGINE, UNKNOWN_DEVICE,
            ENGINE_UNSUPPORTED, LAYER_UNSUPPORTED, WEIGHTS_FORMAT, GRAPH_TENSOR_NAME.
        FailedPreconditionError: what was recorded cannot be had here (WEIGHTS_CHANGED, PRECISION_UNSUPPORTED,
            PREPROCESSING_CHANGED, RECORD_UNREADABLE), the weights do not fit (WEIGHTS_MISMATCH, GRAPH_..., ...), or
            something is not there (ENGINE_MISSING, DEVICE_UNAVAILABLE, QUANTISED_TRUNK_MISSING).
        UnavailableError: WEIGHTS_UNREACHABLE.
        DataLossError: WEIGHTS_TAMPERED, WEIGHTS_DAMAGED.
        CancelledError: `stop` was set.
    """
    request = in_one_spelling(request)
    check_precision(request.precision)
    engine = choose_engine(request.engine or AUTO, precision=request.precision, graph=is_graph(request.weights))
    sweep_temporary_files(home / "weights")
    record = TrunkRecord(home / "weights" / RECORD_NAME)
    on_record = record.entries()
    start = Start(
        home=home,
        request=request,
        known=next((each for each in on_record if in_one_spelling(each.request) == request), None),
        on_record=on_record,
        limits=limits or DecodeLimits(),
        device=device,
        cpu_fallback=cpu_fallback,
        threads=threads,
        buckets=buckets,
        graph_mode=graph_mode,
        stop=stop or threading.Event(),
        sources=sources,
        native_bfloat16=native_bfloat16,
    )
    loaded = _load(start, engine)
    if start.known is None:
        record.add(loaded.resolution)
    return loaded


def _load(start: Start, engine: str) -> LoadedTrunk:
    """Import what this kind of trunk needs, and nothing else."""
    if is_graph(start.request.weights):
        from feature_extractor.trunks.engines.graph_trunks import load_graph_trunk

        return load_graph_trunk(start)
    if engine == OPENVINO:
        from feature_extractor.trunks.engines.quantised_trunks import load_quantised_trunk

        return load_quantised_trunk(start)
    from feature_extractor.trunks.engines.keras_trunks import load_keras_trunk

    return load_keras_trunk(start, engine)


def in_one_spelling(request: TrunkRequest) -> TrunkRequest:
    """The same trunk asked for from another working directory, or with a default written out, is the same request.

    `auto` for the engine is left empty, as in records of versions that had one engine, and so are a graph's tensors
    with other weights. Records are compared in this spelling: older ones may name tensors without `:0`.
    """
    graph = is_graph(request.weights)
    file = graph or Path(request.weights).suffix in SUFFIXES
    return replace(
        request,
        weights=str(Path(request.weights).expanduser().absolute()) if file else request.weights,
        engine="" if request.engine == AUTO else request.engine,
        graph_input=str(tensor_of(request.graph_input or DEFAULT_INPUT)) if graph else "",
        graph_output=str(tensor_of(request.graph_output or DEFAULT_OUTPUT)) if graph else "",
    )


def is_graph(weights: str) -> bool:
    """Whether a weights specification names a frozen graph's file."""
    return Path(weights).suffix == GRAPH_SUFFIX
