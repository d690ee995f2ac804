"""The calls of extractor, classifier and gateway: a request built from plain values, how its response is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from google.protobuf import wrappers_pb2

from graft.client import wire_results
from graft.client.effects import Call, Method
from graft.errors import InvalidArgumentError, Violation
from graft.v1 import classifier_pb2, common_pb2, feature_extractor_pb2, gateway_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft.client.extra_views import Views
    from graft.client.feature_records import Feature, Trunk
    from graft.client.results import PictureResult, ServedHeads

STREAM_FEATURES = Method("FeatureExtractorService", "StreamFeatures")
LOOKUP_FEATURES = Method("FeatureExtractorService", "LookupFeatures")
GET_PREVIEWS = Method("FeatureExtractorService", "GetPreviews")
STREAM_CLASSIFY = Method("GatewayService", "StreamClassify")
HEALTH_CHECK = Method("Health", "Check")

Lane: TypeAlias = Literal["interactive", "bulk"]
"""Who waits behind whom for the trunk."""

_LANES: Final[dict[Lane, feature_extractor_pb2.Lane.ValueType]] = {
    "interactive": feature_extractor_pb2.LANE_INTERACTIVE,
    "bulk": feature_extractor_pb2.LANE_BULK,
}
_SERVING = 1  # grpc.health.v1.HealthCheckResponse.ServingStatus


def trunk() -> Call[Trunk]:
    """Get the trunk and its limits."""
    return Call(
        Method("FeatureExtractorService", "GetTrunk"), feature_extractor_pb2.GetTrunkRequest(), wire_results.trunk
    )


def images(contents: Sequence[bytes]) -> list[common_pb2.Image]:
    """Return the messages of some pictures' bytes."""
    return [common_pb2.Image(content=content) for content in contents]


def lane_number(lane: Lane) -> feature_extractor_pb2.Lane.ValueType:
    """Return the wire's number of a lane.

    Raises:
        InvalidArgumentError: reason INVALID_LANE.
    """
    if lane not in _LANES:
        known = ", ".join(map(repr, _LANES))
        raise InvalidArgumentError(
            f"lane {lane!r} is none: give one of {known}",
            reason="INVALID_LANE",
            violations=(Violation("lane", f"must be one of {known}"),),
        )
    return _LANES[lane]


def extract(
    contents: Sequence[bytes],
    sources: Sequence[str],
    *,
    views: Views,
    lane: feature_extractor_pb2.Lane.ValueType,
    timings: bool,
) -> Call[list[Feature]]:
    """Extract one message of pictures."""
    request = feature_extractor_pb2.ExtractFeaturesRequest(
        images=images(contents),
        lane=lane,
        include_timings=timings,
        views=views.count,
        view_seed=views.seed,
    )
    return Call(
        Method("FeatureExtractorService", "ExtractFeatures"),
        request,
        lambda response: wire_results.features(response, sources),
    )


def stream_request(
    contents: Sequence[bytes], *, views: Views, timings: bool
) -> feature_extractor_pb2.StreamFeaturesRequest:
    """Return one message of a stream of pictures."""
    return feature_extractor_pb2.StreamFeaturesRequest(
        images=images(contents), include_timings=timings, views=views.count, view_seed=views.seed
    )


def find_missing(views: Views, digests: Sequence[bytes]) -> Call[list[bytes]]:
    """Find which digests have no cached vector, or not all of their views'."""
    return Call(
        Method("FeatureExtractorService", "FindMissing"),
        feature_extractor_pb2.FindMissingRequest(digests=digests, views=views.count, view_seed=views.seed),
        lambda response: list(response.missing_digests),
    )


def head_ref(classifier: str, alias: str, version: int) -> common_pb2.HeadRef:
    """Return which head is meant: a version, an alias, or `production`.

    Raises:
        InvalidArgumentError: both are given.
    """
    if alias and version:
        raise InvalidArgumentError("give an alias or a version, not both", reason="ALIAS_AND_VERSION")
    if version:
        return common_pb2.HeadRef(classifier=classifier, version=version)
    return (
        common_pb2.HeadRef(classifier=classifier, alias=alias) if alias else common_pb2.HeadRef(classifier=classifier)
    )


def classify(
    head: common_pb2.HeadRef, top_k: int, contents: Sequence[bytes], sources: Sequence[str]
) -> Call[list[PictureResult]]:
    """Classify one message of pictures."""
    return Call(
        Method("GatewayService", "Classify"),
        gateway_pb2.GatewayServiceClassifyRequest(head=head, images=images(contents), top_k=top_k),
        lambda response: wire_results.pictures(response, sources),
    )


def heads() -> Call[ServedHeads]:
    """List the heads that are served."""
    return Call(Method("ClassifierService", "ListHeads"), classifier_pb2.ListHeadsRequest(), wire_results.served_heads)


def health(service: str = "") -> Call[bool]:
    """Ask a server's grpc.health.v1 whether it serves.

    The messages of grpc.health.v1 are not part of a base install. HealthCheckRequest is `string service = 1` and
    HealthCheckResponse an enum in field 1: on the wire that is what StringValue and Int32Value are.
    """
    return Call(HEALTH_CHECK, wrappers_pb2.StringValue(value=service), lambda response: response.value == _SERVING)
