"""What the fake services know, what they were asked, and which faults they show."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf import timestamp_pb2
from grpc_status import rpc_status

from graft import statuses
from graft.errors import GraftError, InvalidArgumentError, Violation

if TYPE_CHECKING:
    import grpc

    from graft.v1 import feature_extractor_pb2, trainer_pb2

FINGERPRINT = bytes(range(16))
OTHER_FINGERPRINT = b"\x10" * 16
DIMENSIONS = 4
MAX_VIEWS = 8


def digest_of(content: bytes) -> bytes:
    """Return the identity of a picture."""
    return hashlib.sha256(content).digest()


def vector_of(digest: bytes) -> bytes:
    """Return a vector that depends on the picture alone."""
    return np.frombuffer(digest[:DIMENSIONS], np.uint8).astype("<f4").tobytes()


def fail(context: grpc.ServicerContext, error: GraftError) -> Any:
    """End a call with an error and its details."""
    status: Any = rpc_status.to_status(statuses.to_status(error))
    return context.abort_with_status(status)


def now() -> timestamp_pb2.Timestamp:
    """Return a fixed time."""
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    return stamp


class State:
    """What the four services know, what they were asked, and which faults to show.

    Attributes:
        cache: vectors by digest.
        views: vectors of extra views by digest, seed and number.
        old_vectors: vectors in the cache of trunks that do not serve, by fingerprint.
        damaged: digests whose entries VerifyCache finds damaged.
        evictions: every EvictCache request.
        evicted: vectors dropped.
        silent: whether VerifyCache and EvictCache end without an answer.
        cpu_fallback: whether the trunk says that it runs on the processor for want of a GPU.
        datasets: examples, (digest, label) -> source, by dataset.
        wished_parts: the parts that each imported digest was to be placed in.
        messages: every ImportExamples message: a list of ("content" or "digest", digest).
        batches: sizes of the messages of pictures of the other calls.
        break_after: for each coming ImportExamples or StreamFeatures call, after how many answers it breaks.
        placing: how many steps of four are done, as an import is told at its end; empty for none.
        forgotten: digests that FindMissing calls cached although they are not.
        full: digests of pictures whose vectors the cache cannot keep.
        unavailable: how many coming GetTrunk calls are refused.
        classifier_away: how many coming ListHeads calls are refused.
        max_message_bytes: what the extractor says of itself.
        job_error: what a training job fails with, None for success.
        watch_gate: set it to let a watched job come to its end.
    """

    def __init__(self) -> None:
        self.cache: dict[bytes, bytes] = {}
        self.views: dict[tuple[bytes, int, int], bytes] = {}
        self.old_vectors: dict[bytes, int] = {}
        self.damaged: set[bytes] = set()
        self.evictions: list[feature_extractor_pb2.EvictCacheRequest] = []
        self.evicted = 0
        self.silent = False
        self.cpu_fallback = False
        self.datasets: dict[str, dict[tuple[bytes, str], str]] = {}
        self.wished_parts: dict[bytes, list[int]] = {}
        self.messages: list[list[tuple[str, bytes]]] = []
        self.batches: list[int] = []
        self.break_after: list[int] = []
        self.placing: list[int] = []
        self.forgotten: set[bytes] = set()
        self.full: set[bytes] = set()
        self.unavailable = 0
        self.classifier_away = 0
        self.max_message_bytes = 64 * 1024 * 1024
        self.requests: list[Any] = []
        self.jobs: dict[str, trainer_pb2.TrainingJob] = {}
        self.aliases: dict[str, dict[str, int]] = {"faces": {"production": 1}}
        self.job_error: GraftError | None = None
        self.watch_gate = threading.Event()
        self.watch_gate.set()

    def extract(self, content: bytes) -> tuple[bytes, GraftError | None, bool]:
        """Return digest, error and whether the picture was cached; cache it."""
        digest = digest_of(content)
        cached = digest in self.cache
        if not content or content.startswith(b"bad"):
            reason = "CORRUPT_IMAGE" if content else "EMPTY_IMAGE"
            violation = Violation("images[0].content", "cannot be decoded")
            return digest, InvalidArgumentError("not a picture", reason=reason, violations=(violation,)), False
        self.cache[digest] = vector_of(digest)
        return digest, None, cached

    def extract_views(self, digest: bytes, count: int, seed: int) -> list[tuple[int, bytes, bool]]:
        """Return number, vector and whether it was cached of each view of a picture; cache them."""
        found = []
        for number in range(1, count + 1):
            key = (digest, seed, number)
            cached = key in self.views
            self.views[key] = vector_of(digest_of(digest + b"%d %d" % (seed, number)))
            found.append((number, self.views[key], cached))
        return found

    def is_cached(self, digest: bytes, views: int, seed: int) -> bool:
        """Tell whether the picture and so many of its views are cached."""
        return digest in self.cache and all((digest, seed, number) in self.views for number in range(1, views + 1))


def check_views(views: int, context: Any) -> None:
    """End a call that asks for more views than there may be."""
    if views > MAX_VIEWS:
        fail(context, InvalidArgumentError(f"{views} views are too many", reason="TOO_MANY_VIEWS"))
