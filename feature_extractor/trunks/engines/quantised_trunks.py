"""Starts a trunk of 8-bit weights, made beforehand from a Keras network, on OpenVINO."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from feature_extractor.decoding.images import PREPROCESSING_ID
from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.trunks.devices import SeenDevice
from feature_extractor.trunks.engines.choice import OPENVINO, keras_backend, require_engine
from feature_extractor.trunks.engines.starting import LoadedTrunk, prepare_within
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.precision import INT8, processor_saturates_8_bit
from feature_extractor.trunks.quantised.running import open_quantised
from feature_extractor.trunks.quantised.store import find_quantised
from feature_extractor.trunks.trunk import Trunk
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.record import AUTO, Resolution
from feature_extractor.trunks.weights.resolving import go_on, resolve
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from feature_extractor.trunks.engines.starting import Start
    from feature_extractor.trunks.quantised.store import QuantisedTrunk

_log = logging.getLogger(__name__)


def load_quantised_trunk(start: Start) -> LoadedTrunk:
    """Find the quantised trunk of the weights and layer asked for, and open it.

    The first start needs the float32 weights, to know which trunk is meant; later ones have it on record and build no
    Keras network.

    Raises:
        FailedPreconditionError: QUANTISED_TRUNK_MISSING.
    """
    start.check_preparation(PREPROCESSING_ID, INPUT_SIZE_PX, OPENVINO)
    require_engine(OPENVINO)
    device = start.find_device(OPENVINO, lambda _: (SeenDevice("CPU"),))  # its int8 kernels here are the processor's
    if start.known is None:
        weights, base_sha256, layer, reason = _base(start)
    else:
        known = start.known
        weights, base_sha256, layer, reason = known.weights, known.quantised_from, known.identity.layer, known.reason
    go_on(start.stop)
    found = find_quantised(start.home, base_sha256, layer, start.recorded_sha256)
    if found is None:
        raise _missing(start, weights, layer)
    if processor_saturates_8_bit():
        _log.warning(
            "this processor has no 8-bit dot products (AVX512-VNNI, AVX-VNNI or AMX): the trunk is slower here, sums "
            "may saturate, so that vectors differ from those of processors that have them"
        )
    resolution = start.known or Resolution(start.request, weights, _identity(found, layer), reason, base_sha256)
    trunk = Trunk(
        open_quantised(found, threads=start.threads),
        resolution.identity,
        dimensions=found.dimensions,
        device=device,
        buckets=start.buckets,
    )
    return LoadedTrunk(trunk, resolution, prepare_within(start.limits), device.fallback)


def _base(start: Start) -> tuple[str, str, str, str]:
    """Specification and SHA-256 of the float32 weights, the layer, and why these weights."""
    from feature_extractor.trunks.architecture import Network

    backend = keras_backend()
    require_engine(backend)
    specs = Network(backend).specs
    go_on(start.stop)
    source, arrays, reason = resolve(
        start.request.weights, start.weights_folder, specs, start.stop, start.sources, start.on_record
    )
    return source.spec, weights_sha256(arrays), start.request.layer or source.default_layer, reason


def _identity(found: QuantisedTrunk, layer: str) -> TrunkIdentity:
    return TrunkIdentity(
        weights_sha256=found.sha256,
        layer=layer,
        preprocessing=PREPROCESSING_ID,
        input_size_px=INPUT_SIZE_PX,
        precision=INT8,
        engine=OPENVINO,
    )


def _missing(start: Start, weights: str, layer: str) -> FailedPreconditionError:
    asked = "" if start.request.weights == AUTO else f" --weights {start.request.weights}"
    cut = f" --layer {start.request.layer}" if start.request.layer else ""
    command = f"`graft trunk quantize --from FOLDER{asked}{cut}`"
    what = f"trunk quantised from the weights {weights} at layer {layer}"
    if start.known is not None:
        message = (
            f"{start.home} was started with a {what}, SHA-256 {start.recorded_sha256}, and that is gone. Restore it "
            f"from a copy, or use another home and make one there with {command}: its vectors have another fingerprint"
        )
    else:
        message = f"{start.home} holds no {what}: make one with {command}, FOLDER being pictures like those to come"
    return FailedPreconditionError(message, reason="QUANTISED_TRUNK_MISSING")
