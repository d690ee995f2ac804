"""From pictures to labels: vectors from the extractor, then labels from the classifier, in the pictures' order."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from gateway.known_heads import KnownHeads, key_of, wrong_head
from graft.serving.call_context import outgoing_metadata, outgoing_timeout
from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    common_pb2,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    gateway_pb2,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from gateway.backend import Backend

    Features = feature_extractor_pb2.ExtractFeaturesResponse | feature_extractor_pb2.StreamFeaturesResponse

AFFINITY_KEY: Final = "graft-affinity"
"""Metadata by which a balancer sends the same picture to the same copy of the extractor, whose cache then has it."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was recognised in some pictures.

    Attributes:
        classifier: the classifier that answered.
        version: its version; 0 if no picture could be read, so that it was not asked.
        results: one for each picture, in their order.
    """

    classifier: str
    version: int
    results: Sequence[gateway_pb2.ImageResult]


class Recogniser:
    """Composes the extractor and the classifier."""

    def __init__(self, extractor: Backend, classifier: Backend) -> None:
        self._extractor = extractor
        self._classifier = classifier
        self._features = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(extractor.channel)
        self._labels = classifier_pb2_grpc.ClassifierServiceStub(classifier.channel)
        self._heads = KnownHeads(classifier)

    async def recognise(self, head: common_pb2.HeadRef, images: Sequence[common_pb2.Image], top_k: int) -> Recognition:
        """Return the labels of `images`; one that cannot be read has its own error.

        Raises:
            InvalidArgumentError: `head` names no classifier.
            UnavailableError: extractor or classifier is away.
            GraftError: what the extractor or the classifier refuses, as they say it.
        """
        await self._heads.check(head)
        metadata: tuple[tuple[str, str], ...] = outgoing_metadata()
        if len(images) == 1:
            metadata = (*metadata, (AFFINITY_KEY, hashlib.sha256(images[0].content).hexdigest()))
        try:
            features = await self._features.ExtractFeatures(
                feature_extractor_pb2.ExtractFeaturesRequest(images=images),
                timeout=outgoing_timeout(),
                metadata=metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise self._extractor.failure(error) from error
        return await self._label(head, top_k, features)

    async def recognise_stream(
        self, messages: AsyncIterator[gateway_pb2.StreamClassifyRequest]
    ) -> AsyncGenerator[Recognition, None]:
        """Yield the labels of each message's pictures, in the messages' order.

        The extractor is given pictures as fast as it takes them, whatever becomes of the answers: it works on the next
        ones while these are labelled. A wrong message ends the call after the answers to those before it.

        Raises:
            InvalidArgumentError: the first message names no head, or a later one names another.
            UnavailableError: extractor or classifier is away.
            GraftError: what the extractor or the classifier refuses, as they say it.
        """
        first = await anext(aiter(messages), None)
        if first is None:
            return
        await self._heads.check(first.head)
        async with aclosing(self._extract_stream(first, messages)) as batches:
            async for features in batches:
                yield await self._label(first.head, first.top_k, features)

    async def _extract_stream(
        self, first: gateway_pb2.StreamClassifyRequest, messages: AsyncIterator[gateway_pb2.StreamClassifyRequest]
    ) -> AsyncGenerator[feature_extractor_pb2.StreamFeaturesResponse, None]:
        call: Any = self._features.StreamFeatures(timeout=outgoing_timeout(), metadata=outgoing_metadata())
        sending = asyncio.ensure_future(_send(call, first, messages))
        try:
            while (features := await call.read()) is not grpc.aio.EOF:
                yield features
            # The extractor ends its answers only after the half-close, which is the last thing that sending does.
            await sending
        except grpc.aio.AioRpcError as error:
            raise self._extractor.failure(error) from error
        finally:
            sending.cancel()
            call.cancel()

    async def _label(self, head: common_pb2.HeadRef, top_k: int, features: Features) -> Recognition:
        vectors = [result.vector for result in features.results if result.WhichOneof("outcome") == "vector"]
        answer = classifier_pb2.ClassifierServiceClassifyResponse(classifier=head.classifier)
        if vectors:
            request = classifier_pb2.ClassifierServiceClassifyRequest(
                head=head,
                fingerprint=features.fingerprint,
                dimensions=features.dimensions,
                vectors=b"".join(vectors),
                top_k=top_k,
            )
            try:
                answer = await self._labels.Classify(request, timeout=outgoing_timeout(), metadata=outgoing_metadata())
            except grpc.aio.AioRpcError as error:
                self._heads.forget(head)
                raise self._classifier.failure(error) from error
            self._heads.remember(head)
        labelled = iter(answer.classifications)
        results = [
            gateway_pb2.ImageResult(digest=result.digest, error=result.error)
            if result.WhichOneof("outcome") == "error"
            else gateway_pb2.ImageResult(digest=result.digest, classification=next(labelled), cached=result.cached)
            for result in features.results
        ]
        return Recognition(answer.classifier, answer.version, results)


async def _send(
    call: Any, first: gateway_pb2.StreamClassifyRequest, messages: AsyncIterator[gateway_pb2.StreamClassifyRequest]
) -> None:
    """Send every message's pictures; half-close in any case, so that what was sent is answered before an error."""
    try:
        await call.write(feature_extractor_pb2.StreamFeaturesRequest(images=first.images))
        async for message in messages:
            if message.HasField("head") and key_of(message.head) != key_of(first.head):
                raise wrong_head("a later message names another head than the first; open a stream for each head")
            await call.write(feature_extractor_pb2.StreamFeaturesRequest(images=message.images))
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the extractor ended the call before it heard everything; the reader gets its status
    finally:
        await call.done_writing()
