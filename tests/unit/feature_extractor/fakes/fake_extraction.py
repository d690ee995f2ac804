"""A pipeline and a cache that answer what they are told, for tests of what is on the wire."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.cache.cache_stats import CacheStats, FingerprintUse
from feature_extractor.cache.eviction import EvictionProgress
from feature_extractor.cache.verification import VerifyProgress
from feature_extractor.decoding.views import picture_key
from feature_extractor.pipeline.calls import Pending
from feature_extractor.pipeline.flights import Extracted
from feature_extractor.pipeline.timings import Timings
from graft.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from feature_extractor.cache.eviction import EvictionRequest
    from feature_extractor.cache.records import Vector
    from feature_extractor.pipeline.calls import Terms
    from feature_extractor.pipeline.lanes import Lane

DIMENSIONS = 3
FINGERPRINT = bytes(range(16))
LOOKED_UP = Timings(cache_s=0.5)
SPENT = Timings(queue_s=1, decode_s=2, trunk_s=3, cache_s=4)


def vector_of(key: bytes) -> Vector:
    """float32[3], of every key its own."""
    return np.frombuffer(hashlib.sha256(key).digest()[:DIMENSIONS], np.uint8).astype(np.float32)


@dataclass
class FakeExtraction:
    """Answers every picture at once, unless it is held, with the vector of its key; remembers the calls."""

    calls: list[tuple[list[bytes], Terms]] = field(default_factory=list)
    errors: dict[bytes, BaseException] = field(default_factory=dict)
    refusal: Exception | None = None
    held: bool = False
    pending: list[Pending] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def extract_many(self, contents: Sequence[bytes], terms: Terms) -> list[Pending]:
        """As Extraction's."""
        self.calls.append((list(contents), terms))
        self.threads.append(threading.get_ident())
        if self.refusal is not None:
            raise self.refusal
        pending = []
        for content in contents:
            digest = hashlib.sha256(content).digest()
            keys = [picture_key(digest, view) for view in (None, *terms.views)]
            pending.append(Pending(digest, tuple(Future[Extracted]() for _ in keys), LOOKED_UP))
            for key, future in zip(keys, pending[-1].futures, strict=True):
                self._answer(content, key, future)
        self.pending += pending
        self.entered.set()
        if self.held:
            assert self.go.wait(10)
        return pending

    def refuse(self, count: int, lane: Lane, because: str) -> ResourceExhaustedError:
        """As Extraction's."""
        return ResourceExhaustedError(f"{count} of {lane.name}: {because}", retry_after_s=1.5)

    def stats(self) -> Any:
        """As far as the service asks."""
        return SimpleNamespace(computed=77)

    def _answer(self, content: bytes, key: bytes, future: Future[Extracted]) -> None:
        if self.held:
            return
        if content in self.errors:
            future.set_exception(self.errors[content])
        else:
            future.set_result(Extracted(key, vector_of(key), cached=len(key) > len(content), timings=SPENT))


@dataclass
class FakeCache:
    """Holds vectors by key; its verification and eviction take three steps."""

    vectors: dict[bytes, Vector] = field(default_factory=dict)
    previews: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    evictions: list[EvictionRequest] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    steps: int = 3

    def get_many(self, keys: Sequence[bytes]) -> list[Vector | None]:
        """As FeatureCache's."""
        return [self.vectors.get(key) for key in keys]

    def contains_many(self, keys: Sequence[bytes]) -> list[bool]:
        """As FeatureCache's."""
        self.asked.append(len(keys))
        return [key in self.vectors for key in keys]

    def get_previews(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """As FeatureCache's."""
        return [self.previews.get(digest) for digest in digests]

    def verify(self) -> Generator[VerifyProgress, None, None]:
        """As FeatureCache's."""
        try:
            for step in range(1, self.steps + 1):
                yield VerifyProgress(checked=100 * step, total=100 * self.steps, dropped=step)
        finally:
            self.closed.set()

    def evict(self, request: EvictionRequest) -> Generator[EvictionProgress, None, None]:
        """As FeatureCache's."""
        self.evictions.append(request)
        for step in range(1, self.steps + 1):
            yield EvictionProgress(vectors=10 * step, previews=step, bytes_used=1000 - step)

    def stats(self) -> CacheStats:
        """As FeatureCache's."""
        return CacheStats(
            entries=5,
            entries_total=8,
            fingerprints=(FingerprintUse(FINGERPRINT, 5, 1_700_000_000), FingerprintUse(bytes(16), 3, None)),
            previews=4,
            bytes_used=4096,
            file_bytes=8192,
            size_limit_bytes=10**6,
            map_bytes=10**9,
            hits=11,
            misses=12,
            corrupt=13,
            refused=14,
            evicted=15,
        )
