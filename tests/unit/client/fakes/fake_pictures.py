"""Fakes of the services that take pictures: extractor, classifier, gateway."""

# ruff: noqa: D102 - the methods are the wire's own; protos/ says what they do

from __future__ import annotations

from typing import Any

from fake_state import DIMENSIONS, FINGERPRINT, MAX_VIEWS, State, check_views, fail, now

from graft import statuses
from graft.errors import InvalidArgumentError, NotFoundError, UnavailableError
from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    common_pb2,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
)


def feature_results(state: State, request: Any) -> list[feature_extractor_pb2.FeatureResult]:
    """Return a result for each picture."""
    results = []
    for image in request.images:
        digest, error, cached = state.extract(image.content)
        if error:
            results.append(feature_extractor_pb2.FeatureResult(digest=digest, error=statuses.to_status(error)))
            continue
        timings = feature_extractor_pb2.StageTimings(queue_ms=1, decode_ms=2, trunk_ms=3, cache_ms=4)
        results.append(
            feature_extractor_pb2.FeatureResult(
                digest=digest,
                vector=state.cache[digest],
                cached=cached,
                views=[
                    feature_extractor_pb2.ViewFeature(view=number, vector=vector, cached=known)
                    for number, vector, known in state.extract_views(digest, request.views, request.view_seed)
                ],
                timings=timings if request.include_timings else None,
            )
        )
    return results


class Extractor(feature_extractor_pb2_grpc.FeatureExtractorServiceServicer):
    """Keeps a vector for each picture it saw."""

    def __init__(self, state: State) -> None:
        self.state = state

    def GetTrunk(self, request: Any, context: Any) -> Any:
        if self.state.unavailable > 0:
            self.state.unavailable -= 1
            fail(context, UnavailableError("the service is starting", reason="STARTING"))
        trunk = feature_extractor_pb2.Trunk(
            fingerprint=FINGERPRINT,
            weights="random:7",
            weights_reason="no file was named",
            layer="avg_pool",
            dimensions=DIMENSIONS,
            precision="float32",
            device="CPU",
            cpu_fallback=self.state.cpu_fallback,
            view_rule="retrain-views-v1",
        )
        limits = feature_extractor_pb2.ExtractionLimits(
            max_images_per_request=256,
            max_image_bytes=1_000_000,
            max_message_bytes=self.state.max_message_bytes,
            max_views=MAX_VIEWS,
        )
        return feature_extractor_pb2.GetTrunkResponse(trunk=trunk, limits=limits)

    def ExtractFeatures(self, request: Any, context: Any) -> Any:
        check_views(request.views, context)
        self.state.requests.append(request)
        self.state.batches.append(len(request.images))
        return feature_extractor_pb2.ExtractFeaturesResponse(
            fingerprint=FINGERPRINT, dimensions=DIMENSIONS, results=feature_results(self.state, request)
        )

    def StreamFeatures(self, request_iterator: Any, context: Any) -> Any:
        left = self.state.break_after.pop(0) if self.state.break_after else -1
        for request in request_iterator:
            if left == 0:
                fail(context, UnavailableError("restarting"))
            left -= 1
            check_views(request.views, context)
            self.state.batches.append(len(request.images))
            yield feature_extractor_pb2.StreamFeaturesResponse(
                fingerprint=FINGERPRINT, dimensions=DIMENSIONS, results=feature_results(self.state, request)
            )

    def FindMissing(self, request: Any, context: Any) -> Any:
        check_views(request.views, context)
        missing = [
            digest
            for digest in request.digests
            if not self.state.is_cached(digest, request.views, request.view_seed) and digest not in self.state.forgotten
        ]
        return feature_extractor_pb2.FindMissingResponse(missing_digests=missing, fingerprint=FINGERPRINT)

    def LookupFeatures(self, request: Any, context: Any) -> Any:
        check_views(request.view, context)
        vectors = self.state.cache
        if request.view:
            vectors = {
                digest: vector
                for (digest, seed, number), vector in self.state.views.items()
                if (seed, number) == (request.view_seed, request.view)
            }
        for start in range(0, len(request.digests), 2):
            part = request.digests[start : start + 2]
            there = [digest for digest in part if digest in vectors]
            yield feature_extractor_pb2.LookupFeaturesResponse(
                fingerprint=FINGERPRINT,
                dimensions=DIMENSIONS,
                digests=there,
                vectors=b"".join(vectors[digest] for digest in there),
                missing_digests=[digest for digest in part if digest not in vectors],
            )

    def GetPreviews(self, request: Any, context: Any) -> Any:
        for digest in request.digests:
            yield feature_extractor_pb2.GetPreviewsResponse(digest=digest, jpeg=b"jpeg of " + digest)

    def GetCacheStats(self, request: Any, context: Any) -> Any:
        held = {FINGERPRINT: len(self.state.cache), **self.state.old_vectors}
        return feature_extractor_pb2.GetCacheStatsResponse(
            fingerprint=FINGERPRINT,
            vectors=sum(held.values()),
            used_bytes=5,
            limit_bytes=1000,
            file_bytes=4096,
            computed=3,
            evicted=self.state.evicted,
            fingerprints=[
                feature_extractor_pb2.FingerprintStats(
                    fingerprint=fingerprint,
                    vectors=vectors,
                    last_use_time=now() if fingerprint == FINGERPRINT else None,
                )
                for fingerprint, vectors in sorted(held.items())
            ],
        )

    def VerifyCache(self, request: Any, context: Any) -> Any:
        if self.state.silent:
            return
        digests, dropped = sorted(self.state.cache), 0
        for checked, digest in enumerate(digests, 1):
            if digest in self.state.damaged:
                del self.state.cache[digest]
                dropped += 1
            yield feature_extractor_pb2.VerifyCacheResponse(checked=checked, total=len(digests), dropped=dropped)
        if not digests:
            yield feature_extractor_pb2.VerifyCacheResponse()

    def EvictCache(self, request: Any, context: Any) -> Any:
        self.state.evictions.append(request)
        if not (request.fingerprint or request.HasField("unused_for") or request.HasField("to_bytes")):
            fail(context, InvalidArgumentError("no criterion", reason="NO_CRITERION"))
        if self.state.silent:
            return
        yield feature_extractor_pb2.EvictCacheResponse(used_bytes=2048)
        # Whatever else was asked for: all of the fingerprint, or of those that do not serve.
        wanted = [request.fingerprint] if request.fingerprint else list(self.state.old_vectors)
        gone = sum(self.state.old_vectors.pop(each, 0) for each in wanted)
        self.state.evicted += gone
        yield feature_extractor_pb2.EvictCacheResponse(evicted_vectors=gone, evicted_previews=1, used_bytes=1024)


class Classifier(classifier_pb2_grpc.ClassifierServiceServicer):
    """Serves one head."""

    def __init__(self, state: State) -> None:
        self.state = state

    def ListHeads(self, request: Any, context: Any) -> Any:
        if self.state.classifier_away > 0:
            self.state.classifier_away -= 1
            fail(context, UnavailableError("the classifier is away", reason="CLASSIFIER_UNAVAILABLE"))
        head = classifier_pb2.ServedHead(
            classifier="faces",
            version=1,
            aliases=["production"],
            fingerprint=FINGERPRINT,
            dimensions=DIMENSIONS,
            labels=["ann", "bob"],
            load_time=now(),
        )
        return classifier_pb2.ListHeadsResponse(heads=[head], registry_connected=True)


class Gateway(gateway_pb2_grpc.GatewayServiceServicer):
    """Finds Ann in every picture it can read."""

    def __init__(self, state: State) -> None:
        self.state = state

    def _results(self, request: Any, context: Any) -> list[gateway_pb2.ImageResult]:
        if request.head.classifier != "faces":
            fail(context, NotFoundError("classifier", request.head.classifier, reason="HEAD_NOT_FOUND"))
        labels = [
            common_pb2.ScoredLabel(label="ann", probability=0.75),
            common_pb2.ScoredLabel(label="bob", probability=0.25),
        ]
        results = []
        for image in request.images:
            digest, error, cached = self.state.extract(image.content)
            if error:
                results.append(gateway_pb2.ImageResult(digest=digest, error=statuses.to_status(error)))
            else:
                found = classifier_pb2.Classification(
                    labels=labels[: request.top_k or 2], verdict=classifier_pb2.VERDICT_UNCERTAIN, unknown_score=0.25
                )
                results.append(gateway_pb2.ImageResult(digest=digest, classification=found, cached=cached))
        return results

    def Classify(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        self.state.batches.append(len(request.images))
        results = self._results(request, context)
        return gateway_pb2.GatewayServiceClassifyResponse(classifier="faces", version=1, results=results)

    def StreamClassify(self, request_iterator: Any, context: Any) -> Any:
        for request in request_iterator:
            self.state.batches.append(len(request.images))
            results = self._results(request, context)
            yield gateway_pb2.StreamClassifyResponse(classifier="faces", version=1, results=results)
