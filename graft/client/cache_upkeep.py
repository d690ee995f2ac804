"""Looking after the extractor's cache: its state, a check of every entry, and evictions, each told while it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf import duration_pb2

from graft.client import wire_cache
from graft.client.effects import Call, Emit, Method, Open, Receive
from graft.client.failures import ended_early
from graft.errors import InvalidArgumentError, Violation
from graft.v1 import feature_extractor_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft.client.cache_records import CacheStats, EvictProgress, VerifyProgress
    from graft.client.effects import Steps


def _method(name: str) -> Method:
    return Method("FeatureExtractorService", name)


def stats() -> Call[CacheStats]:
    """Get the state of the cache."""
    return Call(_method("GetCacheStats"), feature_extractor_pb2.GetCacheStatsRequest(), wire_cache.cache_stats)


def verify() -> Steps[VerifyProgress]:
    """Emit how far a check of every entry is; the last one is its result."""
    return _told(_method("VerifyCache"), feature_extractor_pb2.VerifyCacheRequest(), wire_cache.verify_progress)


def evict(fingerprint: bytes, unused_for_s: float | None, to_bytes: int | None) -> Steps[EvictProgress]:
    """Emit how far an eviction is; the last one is its result.

    Raises:
        InvalidArgumentError: at once, reasons INVALID_DURATION, INVALID_SIZE: a number that the wire cannot carry.
    """
    if to_bytes is not None and not 0 <= to_bytes < 2**64:
        raise InvalidArgumentError(
            f"to_bytes is {to_bytes}: give 0 or more",
            reason="INVALID_SIZE",
            violations=(Violation("to_bytes", "must be 0 or more"),),
        )
    request = feature_extractor_pb2.EvictCacheRequest(
        fingerprint=fingerprint, unused_for=_duration(unused_for_s), to_bytes=to_bytes
    )
    return _told(_method("EvictCache"), request, wire_cache.evict_progress)


def _duration(seconds: float | None) -> duration_pb2.Duration | None:
    if seconds is None:
        return None
    duration = duration_pb2.Duration()
    try:
        duration.FromTimedelta(timedelta(seconds=seconds))
    except (OverflowError, ValueError) as error:
        raise InvalidArgumentError(
            f"unused_for_s is {seconds}: give seconds, 0 or more",
            reason="INVALID_DURATION",
            violations=(Violation("unused_for", "must be a duration of 0 or more"),),
        ) from error
    return duration


def _told(method: Method, request: Any, parse: Callable[[Any], Any]) -> Steps[Any]:
    yield Open(method, request)
    told = False
    while (response := (yield Receive())) is not None:
        yield Emit(parse(response))
        told = True
    if not told:
        raise ended_early()
