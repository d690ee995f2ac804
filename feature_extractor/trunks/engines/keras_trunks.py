"""Starts a trunk of Keras weights on TensorFlow or JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feature_extractor.decoding.images import PREPROCESSING_ID
from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.trunks.architecture import Network
from feature_extractor.trunks.engines.choice import JAX, require_engine
from feature_extractor.trunks.engines.jax_engine import JaxEngine
from feature_extractor.trunks.engines.starting import LoadedTrunk, prepare_within
from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.precision import choose_precision
from feature_extractor.trunks.trunk import Trunk
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.record import Resolution
from feature_extractor.trunks.weights.resolving import go_on, resolve, unchanged_arrays

if TYPE_CHECKING:
    from feature_extractor.trunks.engines.programs import KerasEngine
    from feature_extractor.trunks.engines.starting import Start
    from feature_extractor.trunks.weights.arrays import Arrays


def load_keras_trunk(start: Start, engine_name: str) -> LoadedTrunk:
    """Build the network, put the weights in, cut it, and make a program of it."""
    start.check_preparation(PREPROCESSING_ID, INPUT_SIZE_PX, engine_name)
    require_engine(engine_name)
    engine: KerasEngine = JaxEngine() if engine_name == JAX else TensorFlowEngine()
    device = start.find_device(engine.name, engine.devices)
    precision = choose_precision(start.precision, device, bfloat16_pays_on_cpu=engine.bfloat16_pays_on_cpu)
    go_on(start.stop)
    network = Network(engine.name, mixed_bfloat16=engine.mixed(precision, device))
    go_on(start.stop)
    resolution, arrays = _weights(start, network, precision, engine.name)
    go_on(start.stop)
    layer = resolution.identity.layer
    network.set_arrays(engine.prepared(arrays, precision, device, layer), resolution.weights)
    model = network.cut(layer)
    trunk = Trunk(
        engine.program(model, precision, device, start.threads),
        resolution.identity,
        dimensions=int(model.output.shape[-1]),
        device=device,
        buckets=start.buckets,
    )
    return LoadedTrunk(trunk, resolution, prepare_within(start.limits), device.fallback)


def _weights(start: Start, network: Network, precision: str, engine: str) -> tuple[Resolution, Arrays]:
    """What the request becomes, and its arrays."""
    folder, known = start.weights_folder, start.known
    if known is not None:
        source = start.sources(known.weights)
        return known, unchanged_arrays(source, folder, network.specs, start.recorded_sha256, start.stop)
    source, arrays, reason = resolve(
        start.request.weights, folder, network.specs, start.stop, start.sources, start.on_record
    )
    identity = TrunkIdentity(
        weights_sha256=weights_sha256(arrays),
        layer=start.request.layer or source.default_layer,
        preprocessing=PREPROCESSING_ID,
        input_size_px=INPUT_SIZE_PX,
        precision=precision,
        engine=engine,
    )
    return Resolution(start.request, source.spec, identity, reason), arrays
