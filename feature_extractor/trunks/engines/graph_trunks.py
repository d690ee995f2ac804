"""Starts a trunk of a frozen graph's file, which decodes pictures with its own operations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.trunks.engines.choice import TENSORFLOW, require_engine
from feature_extractor.trunks.engines.starting import LoadedTrunk
from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
from feature_extractor.trunks.graphdef.opening import FAITHFUL, open_graph
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.precision import AUTO, BFLOAT16, FLOAT32, choose_precision
from feature_extractor.trunks.trunk import Trunk
from feature_extractor.trunks.weights.graphs import find_graph, keep_graph
from feature_extractor.trunks.weights.record import Resolution, sha256_on_record
from feature_extractor.trunks.weights.resolving import check_unchanged, go_on
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from feature_extractor.trunks.devices import Device
    from feature_extractor.trunks.engines.starting import Start


def load_graph_trunk(start: Start) -> LoadedTrunk:
    """Check the file, open the graph, keep a copy of it.

    Raises:
        InvalidArgumentError: LAYER_UNSUPPORTED, a layer of Keras's was asked for.
    """
    request, known = start.request, start.known
    if request.layer:
        raise InvalidArgumentError(
            f"a frozen graph has no layer {request.layer!r}: leave --layer out, and name the tensor that is the vector "
            "with --graph-output; `graft trunk inspect` lists those there are",
            reason="LAYER_UNSUPPORTED",
        )
    require_engine(TENSORFLOW)
    recorded = start.recorded_sha256 or sha256_on_record(start.on_record, request.weights)
    file = find_graph(Path(request.weights), start.weights_folder, recorded)
    check_unchanged(request.weights, file.sha256, recorded)
    device = start.find_device(TENSORFLOW, TensorFlowEngine().devices)
    precision = _precision(start.precision, device)
    go_on(start.stop)
    opened = open_graph(
        file.path,
        file.content,
        input_name=request.graph_input,
        output_name=request.graph_output,
        mode=start.graph_mode,
        threads=start.threads,
        limits=start.limits,
        precision=precision,
        gpu=device.accelerated,
    )
    start.check_preparation(opened.preprocessing, opened.input_size_px, TENSORFLOW)
    identity = TrunkIdentity(
        weights_sha256=opened.sha256,
        layer=request.graph_output,
        preprocessing=opened.preprocessing,
        input_size_px=opened.input_size_px,
        precision=precision,
        engine=TENSORFLOW,
    )
    keep_graph(file, start.weights_folder)
    if known is None:
        known = Resolution(request, request.weights, identity, f"the frozen graph {request.weights}, as asked for")
    trunk = Trunk(
        opened.run,
        known.identity,
        dimensions=opened.dimensions,
        device=device,
        buckets=(1,) if start.graph_mode == FAITHFUL else start.buckets,
        blank=opened.blank,
    )
    return LoadedTrunk(trunk, known, opened.prepare, device.fallback)


def _precision(asked: str, device: Device) -> str:
    """A frozen graph's layers are float32; only the processor's optimiser turns them to bfloat16."""
    if not device.accelerated:
        return choose_precision(asked, device)
    if asked == BFLOAT16:
        raise FailedPreconditionError(
            f"the trunk was asked for, or recorded, in bfloat16, but on the {device.name} a frozen graph runs in "
            "float32 only. Ask for --precision float32 (its vectors have another fingerprint), or for --device cpu",
            reason="PRECISION_UNSUPPORTED",
        )
    return choose_precision(FLOAT32 if asked == AUTO else asked, device)
