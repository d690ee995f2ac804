"""FeatureExtractorService: reads requests, asks the pipeline and the cache, builds responses."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final

from feature_extractor.conversions import check_digests, check_images, feature_result
from feature_extractor.outcomes import outcomes
from feature_extractor.records import STORED_DTYPE
from graft.errors import ResourceExhaustedError
from graft.serving.call_context import current_deadline
from graft.serving.windows import in_order
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from concurrent.futures import Future

    from feature_extractor.cache import FeatureCache
    from feature_extractor.extraction import Extraction
    from feature_extractor.flights import Extracted
    from graft.v1.common_pb2 import Image

    Context = Any

# Hashing this much takes about 0.15 ms: longer work must not hold up the event loop, which also answers health checks.
_INLINE_BYTES: Final = 256 * 1024
_LOOKUP_CHUNK: Final = 256
_PREVIEW_CHUNK: Final = 32
# Messages of one stream that are worked on at once: enough to keep batches full, few enough to bound memory.
_STREAM_WINDOW: Final = 4


class FeatureExtractorService(pb_grpc.FeatureExtractorServiceServicer):
    """The extractor on the wire.

    Args:
        extraction: the pipeline.
        cache: the vectors and previews.
        trunk: what GetTrunk answers.
        limits: what requests must keep to.
    """

    def __init__(
        self, extraction: Extraction, cache: FeatureCache, trunk: pb.Trunk, limits: pb.ExtractionLimits
    ) -> None:
        self._extraction = extraction
        self._cache = cache
        self._trunk = trunk
        self._limits = limits

    async def GetTrunk(self, request: pb.GetTrunkRequest, context: Context) -> pb.GetTrunkResponse:
        """Tell what serves."""
        return pb.GetTrunkResponse(trunk=self._trunk, limits=self._limits)

    async def ExtractFeatures(self, request: pb.ExtractFeaturesRequest, context: Context) -> pb.ExtractFeaturesResponse:
        """Extract before bulk work; a full queue refuses the whole call, so that gRPC's own retries apply."""
        results = await self._extract(request.images, durable=False)
        return pb.ExtractFeaturesResponse(
            fingerprint=self._trunk.fingerprint, dimensions=self._trunk.dimensions, results=results
        )

    async def StreamFeatures(
        self, request_iterator: AsyncIterator[pb.StreamFeaturesRequest], context: Context
    ) -> AsyncIterator[pb.StreamFeaturesResponse]:
        """Extract in bulk; each message is answered when its vectors are on disk."""

        async def answer(request: pb.StreamFeaturesRequest) -> pb.StreamFeaturesResponse:
            results = await self._extract(request.images, durable=True, omit_vectors=request.omit_vectors)
            return pb.StreamFeaturesResponse(
                fingerprint=self._trunk.fingerprint, dimensions=self._trunk.dimensions, results=results
            )

        async for response in in_order(request_iterator, answer, _STREAM_WINDOW):
            yield response

    async def FindMissing(self, request: pb.FindMissingRequest, context: Context) -> pb.FindMissingResponse:
        """Tell what is not cached."""
        check_digests(request.digests)
        digests = list(dict.fromkeys(request.digests))
        present = await asyncio.to_thread(self._cache.contains_many, digests)
        missing = [digest for digest, there in zip(digests, present, strict=True) if not there]
        return pb.FindMissingResponse(missing_digests=missing, fingerprint=self._trunk.fingerprint)

    async def LookupFeatures(
        self, request: pb.LookupFeaturesRequest, context: Context
    ) -> AsyncIterator[pb.LookupFeaturesResponse]:
        """Stream what is cached."""
        check_digests(request.digests)
        for start in range(0, len(request.digests), _LOOKUP_CHUNK):
            yield await asyncio.to_thread(self._look_up, request.digests[start : start + _LOOKUP_CHUNK])

    async def GetPreviews(
        self, request: pb.GetPreviewsRequest, context: Context
    ) -> AsyncIterator[pb.GetPreviewsResponse]:
        """Stream previews."""
        check_digests(request.digests)
        for start in range(0, len(request.digests), _PREVIEW_CHUNK):
            digests = request.digests[start : start + _PREVIEW_CHUNK]
            previews = await asyncio.to_thread(self._cache.get_previews, digests)
            for digest, preview in zip(digests, previews, strict=True):
                yield pb.GetPreviewsResponse(digest=digest, jpeg=preview or b"")

    async def GetCacheStats(self, request: pb.GetCacheStatsRequest, context: Context) -> pb.GetCacheStatsResponse:
        """Tell how full the cache is."""
        stats = await asyncio.to_thread(self._cache.stats)
        return pb.GetCacheStatsResponse(
            fingerprint=self._trunk.fingerprint,
            vectors=stats.entries_total,
            previews=stats.previews,
            used_bytes=stats.bytes_used,
            limit_bytes=stats.size_limit_bytes,
            hits=stats.hits,
            misses=stats.misses,
            corrupt=stats.corrupt,
            computed=self._extraction.stats().computed,
        )

    async def _extract(
        self, images: Sequence[Image], *, durable: bool, omit_vectors: bool = False
    ) -> list[pb.FeatureResult]:
        check_images(images, self._limits.max_images_per_request)
        contents = [image.content for image in images]
        done = await outcomes(await self._begin(contents, durable=durable))
        refused = next((each for each in done if isinstance(each, ResourceExhaustedError)), None)
        if refused is not None and not durable:
            raise refused
        return [
            feature_result(index, _digest(contents[index], outcome), outcome, omit_vector=omit_vectors)
            for index, outcome in enumerate(done)
        ]

    async def _begin(self, contents: list[bytes], *, durable: bool) -> list[Future[Extracted]]:
        deadline = current_deadline()

        def begin() -> list[Future[Extracted]]:
            return self._extraction.extract_many(contents, deadline=deadline, durable=durable, wait=durable)

        if sum(map(len, contents)) <= _INLINE_BYTES:
            return begin()
        return await asyncio.to_thread(begin)

    def _look_up(self, digests: Sequence[bytes]) -> pb.LookupFeaturesResponse:
        vectors = self._cache.get_many(digests)
        found = [(digest, vector) for digest, vector in zip(digests, vectors, strict=True) if vector is not None]
        return pb.LookupFeaturesResponse(
            fingerprint=self._trunk.fingerprint,
            dimensions=self._trunk.dimensions,
            digests=[digest for digest, _ in found],
            vectors=b"".join(vector.astype(STORED_DTYPE, copy=False).tobytes() for _, vector in found),
            missing_digests=[digest for digest, vector in zip(digests, vectors, strict=True) if vector is None],
        )


def _digest(content: bytes, outcome: Extracted | BaseException) -> bytes:
    # Only a picture that failed is hashed a second time.
    return hashlib.sha256(content).digest() if isinstance(outcome, BaseException) else outcome.digest
