"""From the wire's messages about the cache to graft.client.cache_records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.client.cache_records import CacheStats, EvictProgress, FingerprintStats, VerifyProgress
from graft.client.wire_records import time_of

if TYPE_CHECKING:
    from graft.v1 import feature_extractor_pb2


def cache_stats(wire: feature_extractor_pb2.GetCacheStatsResponse) -> CacheStats:
    """Return the state of the cache."""
    return CacheStats(
        fingerprint=wire.fingerprint,
        vectors=wire.vectors,
        previews=wire.previews,
        used_bytes=wire.used_bytes,
        limit_bytes=wire.limit_bytes,
        file_bytes=wire.file_bytes,
        hits=wire.hits,
        misses=wire.misses,
        corrupt=wire.corrupt,
        computed=wire.computed,
        evicted=wire.evicted,
        fingerprints=tuple(
            FingerprintStats(each.fingerprint, each.vectors, time_of(each, "last_use_time"))
            for each in wire.fingerprints
        ),
    )


def verify_progress(wire: feature_extractor_pb2.VerifyCacheResponse) -> VerifyProgress:
    """Return how far a check is."""
    return VerifyProgress(wire.checked, wire.total, wire.dropped)


def evict_progress(wire: feature_extractor_pb2.EvictCacheResponse) -> EvictProgress:
    """Return how far an eviction is."""
    return EvictProgress(wire.evicted_vectors, wire.evicted_previews, wire.used_bytes)
