"""Between the pipeline's outcomes and the wire's messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.records import FINGERPRINT_BYTES
from feature_extractor.decoding.views import VIEW_RULE
from feature_extractor.pipeline.admission import lane_share
from feature_extractor.pipeline.lanes import Lane
from feature_extractor.trunks.loading import is_graph
from feature_extractor.trunks.precision import FLOAT32
from graft import statuses
from graft.errors import GraftError, InternalError, InvalidArgumentError, Violation
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.cache.cache_stats import CacheStats
    from feature_extractor.pipeline.calls import Pending
    from feature_extractor.pipeline.flights import Extracted
    from feature_extractor.pipeline.timings import Timings
    from feature_extractor.settings import ExtractorSettings
    from feature_extractor.trunks.graph_export import ExportedGraph
    from feature_extractor.trunks.loading import LoadedTrunk

_log = logging.getLogger(__name__)


def feature_results(
    pending: Sequence[Pending], outcomes: Sequence[Extracted | BaseException], *, omit_vectors: bool, timed: bool
) -> list[pb.FeatureResult]:
    """The messages for the pictures of a request; `outcomes` are those of all of their futures, in order."""
    rest = iter(outcomes)
    return [
        feature_result(index, picture, [next(rest) for _ in picture.futures], omit_vectors=omit_vectors, timed=timed)
        for index, picture in enumerate(pending)
    ]


def feature_result(
    index: int,
    picture: Pending,
    outcomes: Sequence[Extracted | BaseException],
    *,
    omit_vectors: bool,
    timed: bool,
) -> pb.FeatureResult:
    """The message for the picture at `index` of its request; `outcomes` are its own and those of its views.

    One error among them is the picture's.
    """
    digest = picture.digest
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    if len(done) < len(outcomes):
        error = next(outcome for outcome in outcomes if isinstance(outcome, BaseException))
        return pb.FeatureResult(digest=digest, error=statuses.to_status(picture_error(index, digest, error)))
    vectors = [b"" if omit_vectors else each.vector.astype("<f4", copy=False).tobytes() for each in done]
    result = pb.FeatureResult(
        digest=digest,
        vector=vectors[0],
        cached=done[0].cached,
        views=[
            pb.ViewFeature(view=number, vector=vectors[number], cached=each.cached)
            for number, each in enumerate(done[1:], start=1)
        ],
    )
    if timed:
        result.timings.CopyFrom(_timings(sum((each.timings for each in done), picture.looked_up)))
    return result


def _timings(timings: Timings) -> pb.StageTimings:
    return pb.StageTimings(
        queue_ms=timings.queue_s * 1000,
        decode_ms=timings.decode_s * 1000,
        trunk_ms=timings.trunk_s * 1000,
        cache_ms=timings.cache_s * 1000,
    )


def picture_error(index: int, digest: bytes, error: BaseException) -> GraftError:
    """The same error, naming the picture by its place in the request and its digest.

    The error itself may be shared with other callers of an identical picture, so it is left as it is.
    """
    where = f"images[{index}]"
    if not isinstance(error, GraftError):
        _log.error("picture %s failed", digest.hex(), exc_info=error)
        error = InternalError("internal error; the server's log has the details")
    placed = error.placed(f"{where} (sha256 {digest.hex()})", digest=digest.hex(), index=str(index))
    if isinstance(placed, InvalidArgumentError):
        placed.violations = (Violation(f"{where}.content", error.message),)
    return placed


def lane_of(lane: pb.Lane.ValueType) -> Lane:
    """The lane a request asks for; a number that this version does not know is the method's own, as the wire has it."""
    return Lane.BULK if lane == pb.LANE_BULK else Lane.INTERACTIVE


def eviction_request(request: pb.EvictCacheRequest) -> EvictionRequest:
    """What the cache is asked to drop.

    Raises:
        InvalidArgumentError: NO_CRITERION, INVALID_FINGERPRINT or INVALID_DURATION.
    """
    unused_for = request.unused_for
    # Not as a timedelta, which cannot be as long as a message can say.
    unused_for_s = unused_for.seconds + unused_for.nanos / 1e9 if request.HasField("unused_for") else None
    to_bytes = request.to_bytes if request.HasField("to_bytes") else None
    if not request.fingerprint and unused_for_s is None and to_bytes is None:
        raise InvalidArgumentError(
            "nothing says what to evict: set fingerprint, unused_for or to_bytes", reason="NO_CRITERION"
        )
    if len(request.fingerprint) not in (0, FINGERPRINT_BYTES):
        raise InvalidArgumentError(
            f"the fingerprint has {len(request.fingerprint)} bytes, not {FINGERPRINT_BYTES}",
            reason="INVALID_FINGERPRINT",
            violations=(Violation("fingerprint", f"must have {FINGERPRINT_BYTES} bytes"),),
        )
    if unused_for_s is not None and unused_for_s < 0:
        raise InvalidArgumentError(
            f"unused_for is {unused_for_s} seconds: it must not be negative",
            reason="INVALID_DURATION",
            violations=(Violation("unused_for", "must not be negative"),),
        )
    return EvictionRequest(fingerprint=request.fingerprint or None, unused_for_s=unused_for_s, to_bytes=to_bytes)


def cache_stats_message(stats: CacheStats, fingerprint: bytes, computed: int) -> pb.GetCacheStatsResponse:
    """What GetCacheStats tells."""
    fingerprints = []
    for each in stats.fingerprints:
        message = pb.FingerprintStats(fingerprint=each.fingerprint, vectors=each.vectors)
        if each.last_use_s is not None:
            message.last_use_time.FromSeconds(int(each.last_use_s))
        fingerprints.append(message)
    return pb.GetCacheStatsResponse(
        fingerprint=fingerprint,
        vectors=stats.entries_total,
        previews=stats.previews,
        used_bytes=stats.bytes_used,
        limit_bytes=stats.size_limit_bytes,
        hits=stats.hits,
        misses=stats.misses,
        corrupt=stats.corrupt,
        computed=computed,
        fingerprints=fingerprints,
        evicted=stats.evicted,
        file_bytes=stats.file_bytes,
    )


def trunk_message(loaded: LoadedTrunk) -> pb.Trunk:
    """What GetTrunk tells of the trunk."""
    trunk, identity = loaded.trunk, loaded.trunk.identity
    return pb.Trunk(
        fingerprint=identity.fingerprint,
        weights=loaded.resolution.weights,
        weights_reason=loaded.resolution.reason,
        cpu_fallback=loaded.cpu_fallback,
        view_rule=VIEW_RULE,
        weights_sha256=identity.weights_sha256,
        layer=identity.layer,
        dimensions=trunk.dimensions,
        preprocessing=identity.preprocessing,
        input_size_px=identity.input_size_px,
        precision=identity.precision,
        engine=identity.engine,
        device=trunk.device,
    )


def trunk_graph_message(trunk: pb.Trunk, graph: ExportedGraph) -> pb.TrunkGraph:
    """What GetTrunkGraph tells of the graph before its bytes."""
    return pb.TrunkGraph(
        fingerprint=trunk.fingerprint,
        weights=trunk.weights,
        layer=trunk.layer,
        input_tensor=graph.input_tensor,
        output_tensor=graph.output_tensor,
        input_height_px=graph.height_px,
        input_width_px=graph.width_px,
        dimensions=graph.dimensions,
        preprocessing=trunk.preprocessing,
        precision=FLOAT32,
        service_precision=trunk.precision,
        size_bytes=graph.size_bytes,
        sha256=graph.sha256,
    )


def limits_message(settings: ExtractorSettings) -> pb.ExtractionLimits:
    """What GetTrunk tells of the limits; a graph that is run whole decodes by itself and makes no views."""
    run_whole = settings.graph_mode == "faithful" and is_graph(settings.weights)
    inputs = lane_share(settings.queue_pictures)
    return pb.ExtractionLimits(
        max_images_per_request=min(settings.max_images_per_request, inputs),
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_message_bytes=settings.max_message_bytes,
        max_views=0 if run_whole else settings.max_views,
        max_inputs_per_call=inputs,
    )
