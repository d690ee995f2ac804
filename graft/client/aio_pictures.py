"""What the asyncio client asks about pictures: vectors, labels, and the extractor's trunk and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.client import cache_upkeep, flows, picture_calls, queries
from graft.client.extra_views import Views

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from graft.client.asynchronous import AsyncRunner
    from graft.client.cache_records import CacheStats, EvictProgress, VerifyProgress
    from graft.client.feature_records import Feature, Lookup, Preview, Trunk
    from graft.client.picture_calls import Lane
    from graft.client.pictures import Picture
    from graft.client.results import PictureResult, ServedHeads
    from graft.client.retrying import RetryPolicy
    from graft.client.streaming import KnownLimits


class AsyncPictureMethods:
    """The methods about pictures; a base of AsyncClient, which is what to use.

    Args:
        runner: makes the calls.
        retry: how patient streams of pictures are.
        limits: the extractor's, once they are known.
    """

    def __init__(self, runner: AsyncRunner, retry: RetryPolicy, limits: KnownLimits) -> None:
        self._runner = runner
        self._retry = retry
        self._limits = limits

    async def trunk(self) -> Trunk:
        """Return the trunk that serves and the limits on pictures."""
        return await self._runner.call(picture_calls.trunk())

    async def cache_stats(self) -> CacheStats:
        """Return how full the extractor's cache is, and what it holds of each trunk."""
        return await self._runner.call(cache_upkeep.stats())

    def verify_cache(self) -> AsyncIterator[VerifyProgress]:
        """Have every entry of the cache read and the bad ones dropped; yield how far that is, the result last.

        The check begins with the iteration; ending that early ends the check and keeps what was dropped.
        """
        return self._runner.iterate(cache_upkeep.verify())

    def evict_cache(
        self, *, fingerprint: bytes = b"", unused_for_s: float | None = None, to_bytes: int | None = None
    ) -> AsyncIterator[EvictProgress]:
        """Drop entries that meet every given criterion; yield how far that is, the result last.

        Nothing is dropped before the iteration; ending that early keeps what is left.

        Args:
            fingerprint: only vectors of this trunk, 16 bytes; empty means of all.
            unused_for_s: only what nobody has read or written for so long, in seconds.
            to_bytes: only as many, the least recently used first, as it takes to use no more than this on disk.

        Raises:
            InvalidArgumentError: no criterion at all (NO_CRITERION), or a wrong one.
        """
        return self._runner.iterate(cache_upkeep.evict(fingerprint, unused_for_s, to_bytes))

    async def heads(self) -> ServedHeads:
        """Return the heads that the classifier serves."""
        return await self._runner.call(picture_calls.heads())

    async def extract(
        self,
        pictures: Iterable[Picture],
        *,
        views: int = 0,
        view_seed: int = 0,
        lane: Lane = "interactive",
        timings: bool = False,
    ) -> list[Feature]:
        """Return the vector of each picture, in order. That it is stored is not promised.

        Args:
            pictures: paths or bytes.
            views: extra views of each picture to extract as well.
            view_seed: what the views are drawn from, beside the picture's digest.
            lane: `interactive` goes before bulk work, `bulk` lets others go first.
            timings: tell where the time went.

        Raises:
            InvalidArgumentError: more views than the extractor takes (TOO_MANY_VIEWS), no such lane (INVALID_LANE).
        """
        views_of_each = Views(views, view_seed)
        steps = flows.extract(pictures, views_of_each, self._limits, lane=lane, timings=timings)
        return await self._runner.run(steps)

    def extract_stream(
        self, pictures: Iterable[Picture], *, views: int = 0, view_seed: int = 0, timings: bool = False
    ) -> AsyncIterator[Feature]:
        """Yield the vector of each of many pictures, in order, once it is stored with those of its extra views."""
        views_of_each = Views(views, view_seed)
        steps = flows.extract_stream(pictures, views_of_each, self._limits, self._retry, timings=timings)
        return self._runner.iterate(steps)

    async def find_missing(self, digests: Iterable[bytes], *, views: int = 0, view_seed: int = 0) -> list[bytes]:
        """Return the digests that have no cached vector, or not all of so many views."""
        return await self._runner.run(queries.find_missing(digests, Views(views, view_seed)))

    async def lookup(self, digests: Iterable[bytes], *, view: int = 0, view_seed: int = 0) -> Lookup:
        """Return (matrix float32[n, dimensions], missing digests); a row for each cached digest, in order.

        The vectors are those of one view of each picture; 0 is the picture as it is.
        """
        return await self._runner.run(queries.lookup(digests, view, view_seed))

    def previews(self, digests: Iterable[bytes]) -> AsyncIterator[Preview]:
        """Yield a small JPEG for each digest, in order."""
        return self._runner.iterate(queries.previews(digests))

    async def classify(
        self, classifier: str, pictures: Iterable[Picture], *, top_k: int = 0, alias: str = "", version: int = 0
    ) -> list[PictureResult]:
        """Return the labels of each picture, in order: `top_k` of them, 0 means all.

        The head is a version, an alias, or else the alias `production`.
        """
        return await self._runner.run(flows.classify(classifier, pictures, top_k, alias, version, self._limits))

    def classify_stream(
        self, classifier: str, pictures: Iterable[Picture], *, top_k: int = 0, alias: str = "", version: int = 0
    ) -> AsyncIterator[PictureResult]:
        """Yield the labels of each of many pictures, in order, yielding the trunk to single calls."""
        return self._runner.iterate(
            flows.classify_stream(classifier, pictures, top_k, alias, version, self._limits, self._retry)
        )
