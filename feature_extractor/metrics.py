"""Prometheus metrics of the extractor: stage times as histograms, the rest read from the parts when scraped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.timings import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry, Metric

    from feature_extractor.cache.cache_stats import CacheStats
    from feature_extractor.cache.feature_cache import FeatureCache
    from feature_extractor.pipeline.batcher import Batcher
    from feature_extractor.pipeline.extraction import Extraction

_log = logging.getLogger(__name__)
_OUTCOMES = ("cached", "computed", "joined", "refused", "invalid", "failed", "dropped", "wasted", "not_stored")
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class StageTimes(Observer):
    """Histograms that the stages report to, from their own threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def seconds(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"graft_{name}_seconds", text, labels, buckets=_SECONDS, registry=registry)

        queue = seconds("queue", "Waiting of one picture, until its batch began", "lane")
        self._queue = {lane: queue.labels(lane.name.lower()) for lane in Lane}
        self._decode = seconds("decode", "Decoding one picture")
        self._trunk = seconds("trunk", "One batch of the trunk")
        self._read = seconds("cache_read", "Looking up the pictures of one message")
        self._write = seconds("cache_write", "One vector, from the trunk to the disk")
        self._batch = Histogram(
            "graft_batch_pictures", "Pictures in a batch", buckets=(1, 2, 4, 8, 16, 32), registry=registry
        )

    def queued(self, lane: Lane, seconds: float) -> None:
        """One picture's batch begins."""
        self._queue[lane].observe(seconds)

    def decoded(self, seconds: float) -> None:
        """One picture was decoded."""
        self._decode.observe(seconds)

    def looked_up(self, seconds: float) -> None:
        """One message's pictures were looked up."""
        self._read.observe(seconds)

    def written(self, seconds: float) -> None:
        """One vector is on disk."""
        self._write.observe(seconds)

    def computed(self, pictures: int, seconds: float) -> None:
        """One batch went through the trunk."""
        self._batch.observe(pictures)
        self._trunk.observe(seconds)


class ExtractorCollector(Collector):
    """Reads pipeline, batcher and cache when the page is fetched; nothing is counted twice."""

    def __init__(self, extraction: Extraction, batcher: Batcher, cache: FeatureCache) -> None:
        self._extraction = extraction
        self._batcher = batcher
        self._cache = cache

    def collect(self) -> Iterable[Metric]:
        """Yield the present values."""
        pictures = self._extraction.stats()
        outcomes = CounterMetricFamily("graft_pictures", "Pictures by what became of them", labels=["outcome"])
        for outcome in _OUTCOMES:
            outcomes.add_metric([outcome], getattr(pictures, outcome))
        yield outcomes
        yield GaugeMetricFamily("graft_pictures_in_flight", "Pictures admitted and not done", pictures.in_flight)
        yield GaugeMetricFamily("graft_in_flight_bytes", "Bytes of their files", pictures.in_flight_bytes)
        yield GaugeMetricFamily("graft_pictures_waiting", "Pictures in line for admission", pictures.waiting)
        trunk = self._batcher.stats()
        yield GaugeMetricFamily("graft_trunk_queue", "Pictures waiting for the trunk", trunk.queued)
        yield GaugeMetricFamily(
            "graft_trunk_picture_seconds", "Time for a picture of a large batch, smoothed", trunk.seconds_per_picture
        )
        yield CounterMetricFamily("graft_failed_batches", "Batches in which the trunk failed", trunk.failed_batches)
        try:
            cache = self._cache.stats()
        except Exception:  # noqa: BLE001  # logged; the rest of the page is told all the same
            _log.exception("the cache's figures are missing on the page of metrics")
        else:
            yield from _of_cache(cache)


def _of_cache(cache: CacheStats) -> Iterable[Metric]:
    yield GaugeMetricFamily("graft_cache_vectors", "Vectors cached, of all fingerprints", cache.entries_total)
    yield GaugeMetricFamily("graft_cache_used_bytes", "Bytes of pages that hold data", cache.bytes_used)
    yield GaugeMetricFamily("graft_cache_limit_bytes", "Limit on the bytes used", cache.size_limit_bytes)
    lookups = CounterMetricFamily("graft_cache_lookups", "Look-ups by what was found", labels=["found"])
    lookups.add_metric(["hit"], cache.hits)
    lookups.add_metric(["miss"], cache.misses)
    yield lookups
    yield CounterMetricFamily("graft_cache_corrupt", "Entries whose checksum failed", cache.corrupt)
    yield CounterMetricFamily("graft_cache_evicted", "Vectors dropped to make room or on request", cache.evicted)
