"""From a request to a running trunk: weights, layer and precision as the home's record has them, or newly chosen.

Importing this module is cheap; `load_trunk` imports TensorFlow.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.architecture import Network
from feature_extractor.devices import prepare_device
from feature_extractor.identity import TrunkIdentity
from feature_extractor.images import INPUT_SIZE_PX, PREPROCESSING_ID
from feature_extractor.precision import choose_precision, processor_multiplies_bfloat16
from feature_extractor.trunk import BUCKETS, ENGINE, Trunk
from feature_extractor.weights.arrays import weights_sha256
from feature_extractor.weights.files import SUFFIXES
from feature_extractor.weights.record import RECORD_NAME, Resolution, TrunkRecord, TrunkRequest
from feature_extractor.weights.sources import source_of
from graft.errors import CancelledError, FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.weights.arrays import Arrays, ArraySpec
    from feature_extractor.weights.sources import WeightsSource

AUTO = "auto"
_AUTO_FIRST, _AUTO_ELSE = "imagenet", "nsfwjs"


@dataclass(frozen=True, slots=True)
class LoadedTrunk:
    """A trunk and how it was chosen.

    Attributes:
        trunk: ready to be warmed up.
        resolution: what the request became; its `reason` is a sentence worth logging.
    """

    trunk: Trunk
    resolution: Resolution


def load_trunk(
    home: Path,
    request: TrunkRequest,
    *,
    threads: int = 0,
    buckets: Sequence[int] = BUCKETS,
    stop: threading.Event | None = None,
    sources: Callable[[str], WeightsSource] = source_of,
    native_bfloat16: Callable[[], bool] = processor_multiplies_bfloat16,
) -> LoadedTrunk:
    """Build the trunk a home asks for. Takes seconds, minutes when weights are fetched; `stop` ends it early.

    The first start with a request resolves it and records the outcome under HOME/weights; every later one builds
    exactly that trunk again, its weights checked by SHA-256, or fails.

    Raises:
        InvalidArgumentError: UNKNOWN_WEIGHTS, UNKNOWN_LAYER, UNKNOWN_PRECISION, WEIGHTS_FORMAT.
        FailedPreconditionError: what was recorded cannot be had here (WEIGHTS_CHANGED, PRECISION_UNSUPPORTED,
            PREPROCESSING_CHANGED, RECORD_UNREADABLE), or the weights do not fit (WEIGHTS_MISMATCH, ...).
        UnavailableError: WEIGHTS_UNREACHABLE.
        DataLossError: WEIGHTS_TAMPERED, WEIGHTS_DAMAGED.
        CancelledError: `stop` was set.
    """
    stop = stop or threading.Event()
    folder = home / "weights"
    request = _with_absolute_path(request)
    record = TrunkRecord(folder / RECORD_NAME)
    known = record.find(request)
    if known is not None:
        _check_preparation(known)
    device = prepare_device(threads)
    native = native_bfloat16()
    precision = choose_precision(
        known.identity.precision if known else request.precision, native_bfloat16=native, gpu=device.gpu
    )
    _go_on(stop)
    network = Network()
    _go_on(stop)
    if known is None:
        source, arrays, reason = _resolve(request.weights, folder, network.specs, stop, sources)
        identity = TrunkIdentity(
            weights_sha256=weights_sha256(arrays),
            layer=request.layer or source.default_layer,
            preprocessing=PREPROCESSING_ID,
            input_size_px=INPUT_SIZE_PX,
            precision=precision,
            engine=ENGINE,
        )
        resolution = Resolution(request, source.spec, identity, reason)
    else:
        resolution = known
        arrays = sources(known.weights).arrays(folder, network.specs, known.identity.weights_sha256, stop)
        _check_weights(known, weights_sha256(arrays))
    _go_on(stop)
    network.set_arrays(arrays, resolution.weights)
    model = network.cut(resolution.identity.layer)
    trunk = Trunk(model, resolution.identity, device=device.name, buckets=buckets, threads=threads)
    if known is None:
        record.add(resolution)
    return LoadedTrunk(trunk, resolution)


def _with_absolute_path(request: TrunkRequest) -> TrunkRequest:
    """The same file asked for from another working directory is the same request."""
    if Path(request.weights).suffix not in SUFFIXES:
        return request
    return replace(request, weights=str(Path(request.weights).expanduser().absolute()))


def _resolve(
    weights: str,
    folder: Path,
    specs: Sequence[ArraySpec],
    stop: threading.Event,
    sources: Callable[[str], WeightsSource],
) -> tuple[WeightsSource, Arrays, str]:
    """The source, its arrays, and why this one."""
    source = sources(_AUTO_FIRST if weights == AUTO else weights)
    if weights != AUTO:
        return source, source.arrays(folder, specs, "", stop), f"weights {source.spec}, as asked for"
    try:
        return source, source.arrays(folder, specs, "", stop), f"weights {source.spec}, the first choice of auto"
    except UnavailableError as unreachable:
        _go_on(stop)
        other = sources(_AUTO_ELSE)
        reason = f"weights {other.spec}, the second choice of auto, because {unreachable.message}"
        try:
            return other, other.arrays(folder, specs, "", stop), reason
        except UnavailableError as also_unreachable:
            raise UnavailableError(
                f"no weights can be fetched: {unreachable.message}; {also_unreachable.message}. Connect this machine, "
                "or give a weights file",
                reason="WEIGHTS_UNREACHABLE",
            ) from also_unreachable


def _check_preparation(known: Resolution) -> None:
    """Refuse a home made by a version that prepares pictures otherwise: its vectors would not fit new ones."""
    identity = known.identity
    if (identity.preprocessing, identity.input_size_px, identity.engine) != (PREPROCESSING_ID, INPUT_SIZE_PX, ENGINE):
        raise FailedPreconditionError(
            f"this home's trunk takes pictures prepared as {identity.preprocessing} at {identity.input_size_px} px on "
            f"{identity.engine}; this version of Graft has {PREPROCESSING_ID} at {INPUT_SIZE_PX} px on {ENGINE}. "
            "Run the version that made it, or use another home",
            reason="PREPROCESSING_CHANGED",
        )


def _check_weights(known: Resolution, sha256: str) -> None:
    """Refuse to build another trunk than the one on record."""
    if sha256 != known.identity.weights_sha256:
        raise FailedPreconditionError(
            f"the weights {known.weights} have the SHA-256 {sha256}, but this home was made with "
            f"{known.identity.weights_sha256}. Put the old weights back, or use another home or another file name: "
            "vectors and heads made with the old ones do not fit the new",
            reason="WEIGHTS_CHANGED",
        )


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise CancelledError("loading the trunk was stopped")
