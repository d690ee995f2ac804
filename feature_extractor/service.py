"""FeatureExtractorService: reads requests, asks pipeline and cache, builds responses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from feature_extractor.cache.records import STORED_DTYPE
from feature_extractor.conversions import (
    cache_stats_message,
    check_digests,
    check_images,
    check_views,
    eviction_request,
    feature_result,
    lane_of,
)
from feature_extractor.decoding.views import View, picture_key
from feature_extractor.pipeline.calls import Terms
from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.outcomes import outcomes
from graft.serving.byte_budget import ByteBudget, StreamShare
from graft.serving.call_context import current_deadline
from graft.serving.steps import in_threads
from graft.serving.windows import in_order
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from feature_extractor.cache.feature_cache import FeatureCache
    from feature_extractor.pipeline.calls import Pending
    from feature_extractor.pipeline.extraction import Extraction
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
        stream_bytes: bytes of the messages of all streams that are worked on at once; past it streams are read no
            further, though each may always have one message in work.
    """

    def __init__(
        self,
        extraction: Extraction,
        cache: FeatureCache,
        trunk: pb.Trunk,
        limits: pb.ExtractionLimits,
        *,
        stream_bytes: int,
    ) -> None:
        self._extraction = extraction
        self._cache = cache
        self._trunk = trunk
        self._limits = limits
        self._stream_budget = ByteBudget(stream_bytes)

    async def GetTrunk(self, request: pb.GetTrunkRequest, context: Context) -> pb.GetTrunkResponse:
        """Tell what serves."""
        return pb.GetTrunkResponse(trunk=self._trunk, limits=self._limits)

    async def ExtractFeatures(self, request: pb.ExtractFeaturesRequest, context: Context) -> pb.ExtractFeaturesResponse:
        """Extract before bulk work; a full queue refuses the whole call, so that gRPC's own retries apply."""
        terms = Terms(
            lane=lane_of(request.lane),
            deadline=current_deadline(),
            views=self._views(request.views, request.view_seed),
        )
        results = await self._extract(request.images, terms, timed=request.include_timings)
        return pb.ExtractFeaturesResponse(
            fingerprint=self._trunk.fingerprint, dimensions=self._trunk.dimensions, results=results
        )

    async def StreamFeatures(
        self, request_iterator: AsyncIterator[pb.StreamFeaturesRequest], context: Context
    ) -> AsyncIterator[pb.StreamFeaturesResponse]:
        """Extract in bulk; each message is answered when its vectors are on disk."""

        async def answer(request: pb.StreamFeaturesRequest) -> pb.StreamFeaturesResponse:
            terms = Terms(
                lane=Lane.BULK,
                deadline=current_deadline(),
                durable=True,
                patient=True,
                views=self._views(request.views, request.view_seed),
            )
            results = await self._extract(
                request.images, terms, timed=request.include_timings, omit_vectors=request.omit_vectors
            )
            return pb.StreamFeaturesResponse(
                fingerprint=self._trunk.fingerprint, dimensions=self._trunk.dimensions, results=results
            )

        share = StreamShare[pb.StreamFeaturesRequest](self._stream_budget, pb.StreamFeaturesRequest.ByteSize)
        requests = share.metered(request_iterator)
        async for response in in_order(requests, lambda request: share.spend(request, answer), _STREAM_WINDOW):
            yield response

    async def FindMissing(self, request: pb.FindMissingRequest, context: Context) -> pb.FindMissingResponse:
        """Tell what is not cached, or not with all the views asked for."""
        check_digests(request.digests)
        views = (None, *self._views(request.views, request.view_seed))
        digests = list(dict.fromkeys(request.digests))
        missing: list[bytes] = []
        for start in range(0, len(digests), _LOOKUP_CHUNK):  # what is looked at is in memory for that moment
            missing += await asyncio.to_thread(self._missing, digests[start : start + _LOOKUP_CHUNK], views)
        return pb.FindMissingResponse(missing_digests=missing, fingerprint=self._trunk.fingerprint)

    async def LookupFeatures(
        self, request: pb.LookupFeaturesRequest, context: Context
    ) -> AsyncIterator[pb.LookupFeaturesResponse]:
        """Stream what is cached."""
        check_digests(request.digests)
        check_views(request.view, self._limits.max_views, "view")
        view = View(request.view_seed, request.view) if request.view else None
        for start in range(0, len(request.digests), _LOOKUP_CHUNK):
            yield await asyncio.to_thread(self._look_up, request.digests[start : start + _LOOKUP_CHUNK], view)

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
        return cache_stats_message(stats, self._trunk.fingerprint, self._extraction.stats().computed)

    async def VerifyCache(
        self, request: pb.VerifyCacheRequest, context: Context
    ) -> AsyncIterator[pb.VerifyCacheResponse]:
        """Check every entry, a short step at a time."""
        async with aclosing(in_threads(self._cache.verify())) as steps:
            async for progress in steps:
                yield pb.VerifyCacheResponse(checked=progress.checked, total=progress.total, dropped=progress.dropped)

    async def EvictCache(self, request: pb.EvictCacheRequest, context: Context) -> AsyncIterator[pb.EvictCacheResponse]:
        """Drop what the request names, a short step at a time."""
        async with aclosing(in_threads(self._cache.evict(eviction_request(request)))) as steps:
            async for progress in steps:
                yield pb.EvictCacheResponse(
                    evicted_vectors=progress.vectors, evicted_previews=progress.previews, used_bytes=progress.bytes_used
                )

    async def _extract(
        self, images: Sequence[Image], terms: Terms, *, timed: bool, omit_vectors: bool = False
    ) -> list[pb.FeatureResult]:
        check_images(images, self._limits.max_images_per_request)
        contents = [image.content for image in images]
        pending = await self._begin(contents, terms)
        done = iter(await outcomes([future for picture in pending for future in picture.futures]))
        results = []
        for index, picture in enumerate(pending):
            own = [next(done) for _ in picture.futures]
            results.append(feature_result(index, picture, own, omit_vectors=omit_vectors, timed=timed))
        return results

    async def _begin(self, contents: list[bytes], terms: Terms) -> list[Pending]:
        if sum(map(len, contents)) <= _INLINE_BYTES:
            return self._extraction.extract_many(contents, terms)
        beginning = asyncio.ensure_future(asyncio.to_thread(self._extraction.extract_many, contents, terms))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:  # the caller is gone, the thread is not
            beginning.add_done_callback(_give_up)
            raise

    def _views(self, count: int, seed: int) -> tuple[View, ...]:
        check_views(count, self._limits.max_views)
        return tuple(View(seed, number) for number in range(1, count + 1))

    def _missing(self, digests: Sequence[bytes], views: Sequence[View | None]) -> list[bytes]:
        """Those that are not cached with all of these views."""
        present = self._cache.contains_many([picture_key(digest, view) for digest in digests for view in views])
        whole = [all(present[start : start + len(views)]) for start in range(0, len(present), len(views))]
        return [digest for digest, there in zip(digests, whole, strict=True) if not there]

    def _look_up(self, digests: Sequence[bytes], view: View | None) -> pb.LookupFeaturesResponse:
        vectors = self._cache.get_many([picture_key(digest, view) for digest in digests])
        found = [(digest, vector) for digest, vector in zip(digests, vectors, strict=True) if vector is not None]
        return pb.LookupFeaturesResponse(
            fingerprint=self._trunk.fingerprint,
            dimensions=self._trunk.dimensions,
            digests=[digest for digest, _ in found],
            vectors=b"".join(vector.astype(STORED_DTYPE, copy=False).tobytes() for _, vector in found),
            missing_digests=[digest for digest, vector in zip(digests, vectors, strict=True) if vector is None],
        )


def _give_up(beginning: asyncio.Task[list[Pending]]) -> None:
    """Cancel what was begun for a caller that is gone."""
    if beginning.exception() is None:
        for picture in beginning.result():
            for future in picture.futures:
                future.cancel()
