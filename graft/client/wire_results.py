"""From the wire's messages to graft.client.results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from graft import statuses
from graft.client.feature_records import Feature, Limits, Preview, StageTimings, Trunk, ViewFeature
from graft.client.results import Classification, PictureResult, ScoredLabel, ServedHead, ServedHeads, Verdict
from graft.client.wire_records import time_of
from graft.errors import DataLossError, GraftError
from graft.v1 import classifier_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graft.v1 import feature_extractor_pb2, gateway_pb2

_VERDICTS: Final[dict[int, Verdict]] = {
    classifier_pb2.VERDICT_KNOWN: Verdict.KNOWN,
    classifier_pb2.VERDICT_UNCERTAIN: Verdict.UNCERTAIN,
    classifier_pb2.VERDICT_UNKNOWN: Verdict.UNKNOWN,
}


def trunk(response: feature_extractor_pb2.GetTrunkResponse) -> Trunk:
    """Return the trunk with its limits."""
    wire, limits = response.trunk, response.limits
    return Trunk(
        fingerprint=wire.fingerprint,
        weights=wire.weights,
        weights_sha256=wire.weights_sha256,
        weights_reason=wire.weights_reason,
        layer=wire.layer,
        dimensions=wire.dimensions,
        preprocessing=wire.preprocessing,
        input_size_px=wire.input_size_px,
        precision=wire.precision,
        engine=wire.engine,
        device=wire.device,
        cpu_fallback=wire.cpu_fallback,
        view_rule=wire.view_rule,
        limits=Limits(
            max_images_per_request=limits.max_images_per_request,
            max_image_bytes=limits.max_image_bytes,
            max_image_pixels=limits.max_image_pixels,
            max_message_bytes=limits.max_message_bytes,
            max_views=limits.max_views,
        ),
    )


def matrix(vectors: bytes, rows: int, dimensions: int) -> NDArray[np.float32]:
    """Return float32[rows, dimensions] from little-endian bytes, as a copy that may be written to.

    Raises:
        DataLossError: the length does not fit.
    """
    if len(vectors) != rows * dimensions * 4:
        raise DataLossError(
            f"{len(vectors)} bytes are not {rows} vectors of {dimensions} float32 values", reason="BAD_VECTORS"
        )
    return np.frombuffer(vectors, dtype="<f4").astype(np.float32).reshape(rows, dimensions)


def features(
    response: feature_extractor_pb2.ExtractFeaturesResponse | feature_extractor_pb2.StreamFeaturesResponse,
    sources: Sequence[str],
) -> list[Feature]:
    """Return a feature for each picture of a message; `sources` tells where they came from."""
    built = []
    for source, result in zip(sources, response.results, strict=True):
        has_vector = result.WhichOneof("outcome") == "vector"
        built.append(
            Feature(
                source=source,
                digest=result.digest,
                vector=matrix(result.vector, 1, response.dimensions)[0] if has_vector else None,
                error=None if has_vector else statuses.from_status(result.error),
                cached=result.cached,
                fingerprint=response.fingerprint if has_vector else b"",
                views=tuple(
                    ViewFeature(each.view, matrix(each.vector, 1, response.dimensions)[0], each.cached)
                    for each in result.views
                ),
                timings=_timings(result.timings) if result.HasField("timings") else None,
            )
        )
    return built


def _timings(wire: feature_extractor_pb2.StageTimings) -> StageTimings:
    return StageTimings(wire.queue_ms, wire.decode_ms, wire.trunk_ms, wire.cache_ms)


def unread_feature(source: str, error: GraftError) -> Feature:
    """Return the feature of a picture that never left this machine."""
    return Feature(source, b"", None, error, cached=False, fingerprint=b"")


def pictures(
    response: gateway_pb2.GatewayServiceClassifyResponse | gateway_pb2.StreamClassifyResponse, sources: Sequence[str]
) -> list[PictureResult]:
    """Return a result for each picture of a message; `sources` tells where they came from."""
    built = []
    for source, result in zip(sources, response.results, strict=True):
        has_labels = result.WhichOneof("outcome") == "classification"
        built.append(
            PictureResult(
                source=source,
                digest=result.digest,
                classification=classification(result.classification) if has_labels else None,
                error=None if has_labels else statuses.from_status(result.error),
                cached=result.cached,
                classifier=response.classifier,
                version=response.version,
            )
        )
    return built


def unread_picture(source: str, error: GraftError, classifier: str) -> PictureResult:
    """Return the result of a picture that never left this machine."""
    return PictureResult(source, b"", None, error, cached=False, classifier=classifier, version=0)


def classification(wire: classifier_pb2.Classification) -> Classification:
    """Return the labels, the most probable first, with the verdict."""
    return Classification(
        tuple(ScoredLabel(each.label, each.probability) for each in wire.labels),
        _VERDICTS.get(wire.verdict, Verdict.UNSPECIFIED),
        wire.unknown_score if wire.HasField("unknown_score") else None,
    )


def preview(wire: feature_extractor_pb2.GetPreviewsResponse) -> Preview:
    """Return one preview."""
    return Preview(wire.digest, wire.jpeg)


def served_heads(response: classifier_pb2.ListHeadsResponse) -> ServedHeads:
    """Return the heads that are served."""
    heads = tuple(
        ServedHead(
            classifier=each.classifier,
            version=each.version,
            aliases=tuple(each.aliases),
            fingerprint=each.fingerprint,
            dimensions=each.dimensions,
            labels=tuple(each.labels),
            load_time=time_of(each, "load_time"),
        )
        for each in response.heads
    )
    return ServedHeads(heads, response.registry_connected)
