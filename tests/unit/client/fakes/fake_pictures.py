"""Fakes of the services that take pictures: extractor, classifier, gateway."""

# ruff: noqa: D102 - the methods are the wire's own; protos/ says what they do

from __future__ import annotations

from typing import Any

from fake_state import DIMENSIONS, FINGERPRINT, State, fail, now

from graft import statuses
from graft.errors import NotFoundError, UnavailableError
from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    common_pb2,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
)


def feature_results(state: State, images: Any) -> list[feature_extractor_pb2.FeatureResult]:
    """Return a result for each picture."""
    results = []
    for image in images:
        digest, error, cached = state.extract(image.content)
        if error:
            results.append(feature_extractor_pb2.FeatureResult(digest=digest, error=statuses.to_status(error)))
        else:
            results.append(
                feature_extractor_pb2.FeatureResult(digest=digest, vector=state.cache[digest], cached=cached)
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
        )
        limits = feature_extractor_pb2.ExtractionLimits(
            max_images_per_request=256, max_image_bytes=1_000_000, max_message_bytes=64 * 1024 * 1024
        )
        return feature_extractor_pb2.GetTrunkResponse(trunk=trunk, limits=limits)

    def ExtractFeatures(self, request: Any, context: Any) -> Any:
        self.state.batches.append(len(request.images))
        return feature_extractor_pb2.ExtractFeaturesResponse(
            fingerprint=FINGERPRINT, dimensions=DIMENSIONS, results=feature_results(self.state, request.images)
        )

    def StreamFeatures(self, request_iterator: Any, context: Any) -> Any:
        left = self.state.break_after.pop(0) if self.state.break_after else -1
        for request in request_iterator:
            if left == 0:
                fail(context, UnavailableError("restarting"))
            left -= 1
            self.state.batches.append(len(request.images))
            yield feature_extractor_pb2.StreamFeaturesResponse(
                fingerprint=FINGERPRINT, dimensions=DIMENSIONS, results=feature_results(self.state, request.images)
            )

    def FindMissing(self, request: Any, context: Any) -> Any:
        missing = [d for d in request.digests if d not in self.state.cache and d not in self.state.forgotten]
        return feature_extractor_pb2.FindMissingResponse(missing_digests=missing, fingerprint=FINGERPRINT)

    def LookupFeatures(self, request: Any, context: Any) -> Any:
        for start in range(0, len(request.digests), 2):
            part = request.digests[start : start + 2]
            there = [digest for digest in part if digest in self.state.cache]
            yield feature_extractor_pb2.LookupFeaturesResponse(
                fingerprint=FINGERPRINT,
                dimensions=DIMENSIONS,
                digests=there,
                vectors=b"".join(self.state.cache[digest] for digest in there),
                missing_digests=[digest for digest in part if digest not in self.state.cache],
            )

    def GetPreviews(self, request: Any, context: Any) -> Any:
        for digest in request.digests:
            yield feature_extractor_pb2.GetPreviewsResponse(digest=digest, jpeg=b"jpeg of " + digest)

    def GetCacheStats(self, request: Any, context: Any) -> Any:
        return feature_extractor_pb2.GetCacheStatsResponse(
            fingerprint=FINGERPRINT, vectors=len(self.state.cache), used_bytes=5, limit_bytes=1000, computed=3
        )


class Classifier(classifier_pb2_grpc.ClassifierServiceServicer):
    """Serves one head."""

    def ListHeads(self, request: Any, context: Any) -> Any:
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
                found = classifier_pb2.Classification(labels=labels[: request.top_k or 2])
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
