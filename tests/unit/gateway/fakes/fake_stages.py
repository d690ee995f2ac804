"""Fakes of the stages behind the gateway; each notes what it was asked."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.rpc import status_pb2

from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    common_pb2,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FINGERPRINT = bytes(range(16))


@dataclass(frozen=True)
class Seen:
    """Metadata and seconds left of a call when it began; its context must not be touched once the call has ended."""

    metadata: dict[str, str | bytes]
    remaining_s: float | None

    @classmethod
    def of(cls, context: Any) -> Seen:
        """Read it off a call that begins."""
        return cls(dict(context.invocation_metadata()), context.time_remaining())


class FakeExtractor(feature_extractor_pb2_grpc.FeatureExtractorServiceServicer):
    """Its vectors hold the picture's length; pictures that begin with `bad` cannot be read.

    Attributes:
        calls: what came with every call so far.
        act: what GetTrunk and GetPreviews do instead of their own; takes the context.
        gate: StreamFeatures answers nothing before it is set.
        received: messages of StreamFeatures so far; `more` is notified of each.
        cancelled: set when a call of StreamFeatures or a scripted one is cancelled.
        ended: True if a caller of StreamFeatures ended its messages in good order.
    """

    def __init__(self) -> None:
        self.calls: list[Seen] = []
        self.act: Callable[[Any], Any] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.received = 0
        self.more = asyncio.Condition()
        self.cancelled = asyncio.Event()
        self.ended = False

    def _result(self, image: common_pb2.Image) -> feature_extractor_pb2.FeatureResult:
        result = feature_extractor_pb2.FeatureResult(digest=hashlib.sha256(image.content).digest())
        if image.content.startswith(b"bad"):
            result.error.CopyFrom(status_pb2.Status(code=3, message=image.content.decode()))
        else:
            result.vector = struct.pack("<2f", len(image.content), 1)
            result.cached = image.content.startswith(b"cached")
        return result

    async def ExtractFeatures(self, request: Any, context: Any) -> feature_extractor_pb2.ExtractFeaturesResponse:
        """Answer at once."""
        self.calls.append(Seen.of(context))
        if self.act:
            await self.act(context)
        results = [self._result(image) for image in request.images]
        return feature_extractor_pb2.ExtractFeaturesResponse(fingerprint=FINGERPRINT, dimensions=2, results=results)

    async def StreamFeatures(self, request_iterator: Any, context: Any) -> Any:
        """Read ahead without bound, answer when the gate is open."""
        self.calls.append(Seen.of(context))
        waiting: asyncio.Queue[Any] = asyncio.Queue()

        async def read() -> None:
            async for message in request_iterator:
                async with self.more:
                    self.received += 1
                    self.more.notify_all()
                waiting.put_nowait(message)
            self.ended = True
            waiting.put_nowait(None)

        reading = asyncio.ensure_future(read())
        try:
            while (message := await waiting.get()) is not None:
                await self.gate.wait()
                if self.act:
                    await self.act(context)
                results = [self._result(image) for image in message.images]
                yield feature_extractor_pb2.StreamFeaturesResponse(
                    fingerprint=FINGERPRINT, dimensions=2, results=results
                )
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            reading.cancel()

    async def GetTrunk(self, request: Any, context: Any) -> feature_extractor_pb2.GetTrunkResponse:
        """Do what the test says."""
        self.calls.append(Seen.of(context))
        try:
            if self.act:
                await self.act(context)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return feature_extractor_pb2.GetTrunkResponse(trunk=feature_extractor_pb2.Trunk(layer="mixed7"))

    async def GetPreviews(self, request: Any, context: Any) -> Any:
        """Stream what the test says."""
        assert self.act
        async for jpeg in self.act(context):
            yield feature_extractor_pb2.GetPreviewsResponse(jpeg=jpeg)


class FakeClassifier(classifier_pb2_grpc.ClassifierServiceServicer):
    """Serves `faces` as `production`: labels a vector with its first value, or raises `error`; notes what came."""

    def __init__(self) -> None:
        self.requests: list[classifier_pb2.ClassifierServiceClassifyRequest] = []
        self.calls: list[Seen] = []
        self.error: Exception | None = None
        self.version = 7

    async def ListHeads(self, request: Any, context: Any) -> classifier_pb2.ListHeadsResponse:
        """List the one head."""
        self.calls.append(Seen.of(context))
        head = {"classifier": "faces", "version": self.version, "aliases": ["production"]}
        return classifier_pb2.ListHeadsResponse(heads=[head])

    async def Classify(self, request: Any, context: Any) -> classifier_pb2.ClassifierServiceClassifyResponse:
        """Answer at once."""
        self.requests.append(request)
        self.calls.append(Seen.of(context))
        if self.error:
            raise self.error
        answer = classifier_pb2.ClassifierServiceClassifyResponse(
            classifier=request.head.classifier, version=self.version
        )
        for first, _ in struct.iter_unpack("<2f", request.vectors):
            found = answer.classifications.add(verdict=classifier_pb2.VERDICT_UNKNOWN, unknown_score=0.75)
            found.labels.add(label=str(int(first)), probability=1)
        return answer
