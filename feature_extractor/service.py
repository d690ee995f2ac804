"""FeatureExtractorService: reads requests, asks pipeline and cache, builds responses."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from feature_extractor.cache.records import STORED_DTYPE
from feature_extractor.conversions import (
    cache_stats_message,
    eviction_request,
    feature_results,
    lane_of,
    trunk_graph_message,
)
from feature_extractor.decoding.views import View, picture_key
from feature_extractor.pipeline.admission import Admission, Bounds, Place
from feature_extractor.pipeline.beginning import begin
from feature_extractor.pipeline.calls import Terms
from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.outcomes import outcomes
from feature_extractor.request_checks import check_digests, check_images, check_inputs, check_views
from graft.errors import UnimplementedError
from graft.serving.byte_budget import ByteBudget, StreamShare
from graft.serving.call_context import current_deadline
from graft.serving.steps import in_threads
from graft.serving.windows import in_order
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from feature_extractor.cache.feature_cache import FeatureCache
    from feature_extractor.pipeline.extraction import Extraction
    from feature_extractor.trunks.graph_export import GraphExporter
    from graft.v1.common_pb2 import Image

    Context = Any

# Building so many results takes less than 1 ms: longer work must not hold up the event loop.
_INLINE_RESULTS: Final = 256
_LOOKUP_CHUNK: Final = 256
_PREVIEW_CHUNK: Final = 32
_GRAPH_CHUNK_BYTES: Final = 2**20
# Messages of one stream that are worked on at once: enough to keep batches full, few enough to bound memory.
_STREAM_WINDOW: Final = 4


class FeatureExtractorService(pb_grpc.FeatureExtractorServiceServicer):
    """The extractor on the wire.

    Args:
        extraction: the pipeline.
        cache: the vectors and previews.
        trunk: what GetTrunk answers.
        limits: what requests must keep to.
        message_bytes: bytes of the messages that are worked on at once, of all streams, and as many of all calls. Past
            it streams are read no further, though each may always have one message in work, and calls are refused.
        graphs: makes the trunk's graph; None for an extractor that gives none out.
    """

    def __init__(
        self,
        extraction: Extraction,
        cache: FeatureCache,
        trunk: pb.Trunk,
        limits: pb.ExtractionLimits,
        *,
        message_bytes: int,
        graphs: GraphExporter | None = None,
    ) -> None:
        self._extraction = extraction
        self._cache = cache
        self._trunk = trunk
        self._limits = limits
        self._graphs = graphs
        self._stream_budget = ByteBudget(message_bytes)
        # A call keeps its message until it is answered, also where it waits for what others compute.
        self._calls = Admission(Bounds.of(sys.maxsize, message_bytes, patient_pictures=1))

    async def GetTrunk(self, request: pb.GetTrunkRequest, context: Context) -> pb.GetTrunkResponse:
        """Tell what serves."""
        return pb.GetTrunkResponse(trunk=self._trunk, limits=self._limits)

    async def ExtractFeatures(self, request: pb.ExtractFeaturesRequest, context: Context) -> pb.ExtractFeaturesResponse:
        """Extract before bulk work; a full queue refuses the whole call, so that gRPC's own retries apply."""
        count = len(request.images)
        check_images(count, self._limits.max_images_per_request)
        terms = Terms(
            lane=lane_of(request.lane),
            deadline=current_deadline(),
            views=self._views(request.views, request.view_seed),
        )
        check_inputs(count, request.views, self._limits.max_inputs_per_call)
        place = Place(terms.lane, patient=False, pictures=count, size_bytes=request.ByteSize())
        if not self._calls.try_enter(place):
            inputs, size_bytes = count * (1 + request.views), self._calls.taken_bytes
            raise self._extraction.refuse(inputs, terms.lane, f"calls of {size_bytes} bytes are being answered")
        try:
            results = await self._extract(request.images, terms, timed=request.include_timings)
        finally:
            self._calls.leave(place)
        return pb.ExtractFeaturesResponse(
            fingerprint=self._trunk.fingerprint, dimensions=self._trunk.dimensions, results=results
        )

    async def StreamFeatures(
        self, request_iterator: AsyncIterator[pb.StreamFeaturesRequest], context: Context
    ) -> AsyncIterator[pb.StreamFeaturesResponse]:
        """Extract in bulk; each message is answered when its vectors are on disk."""

        async def answer(request: pb.StreamFeaturesRequest) -> pb.StreamFeaturesResponse:
            check_images(len(request.images), self._limits.max_images_per_request)
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

        with StreamShare[pb.StreamFeaturesRequest](self._stream_budget, pb.StreamFeaturesRequest.ByteSize) as share:
            requests = share.metered(request_iterator)
            responses = in_order(requests, lambda request: share.spend(request, answer), _STREAM_WINDOW)
            async with aclosing(responses):
                async for response in responses:
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

    async def GetTrunkGraph(
        self, request: pb.GetTrunkGraphRequest, context: Context
    ) -> AsyncIterator[pb.GetTrunkGraphResponse]:
        """Stream the float32 graph from the file that another process writes it into."""
        if self._graphs is None:
            raise UnimplementedError("this extractor gives its trunk's graph to nobody")
        async with self._graphs.made() as made:
            yield pb.GetTrunkGraphResponse(graph=trunk_graph_message(self._trunk, made))
            with made.path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, _GRAPH_CHUNK_BYTES):
                    yield pb.GetTrunkGraphResponse(chunk=chunk)

    async def _extract(
        self, images: Sequence[Image], terms: Terms, *, timed: bool, omit_vectors: bool = False
    ) -> list[pb.FeatureResult]:
        pending = await begin(self._extraction, [image.content for image in images], terms)
        done = await outcomes([future for picture in pending for future in picture.futures])
        build = partial(feature_results, pending, done, omit_vectors=omit_vectors, timed=timed)
        return build() if len(done) <= _INLINE_RESULTS else await asyncio.to_thread(build)

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
