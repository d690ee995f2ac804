"""An Extraction among fakes: a decoder and a trunk that can be held up, and a disk that writes when told to."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.admission import Admission
from feature_extractor.batcher import Batcher, Pixels
from feature_extractor.extraction import Extraction
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from feature_extractor.records import Entry, Vector

SOON_S = 10.0


@dataclass(frozen=True)
class Decoded:
    """What the fake decoder makes of a picture: its first byte everywhere."""

    pixels: Pixels
    preview: bytes


class Gate:
    """Something to wait for: open from the start, or shut until `open`."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self._open = threading.Event()
        self._open.set()

    def shut(self) -> None:
        """Hold up whoever comes from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let everybody pass."""
        self._open.set()

    def pass_through(self) -> None:
        """Tell that somebody has come, and wait until it is open."""
        self.arrived.release()
        assert self._open.wait(SOON_S)

    def await_arrival(self) -> None:
        """Wait until somebody has come."""
        assert self.arrived.acquire(timeout=SOON_S)


@dataclass
class Disk:
    """A cache in memory, whose writes wait until `flush` unless it writes at once, and may be refused."""

    at_once: bool = True
    failure: Exception | None = None
    vectors: dict[bytes, Vector] = field(default_factory=dict)
    previews: dict[bytes, bytes] = field(default_factory=dict)
    queue: list[tuple[Entry, Future[None]]] = field(default_factory=list)
    queued: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def get_many(self, digests: Sequence[bytes]) -> list[Vector | None]:
        """As FeatureCache.get_many."""
        return [self.vectors.get(digest) for digest in digests]

    def write(self, entry: Entry) -> Future[None]:
        """As GroupCommitWriter.submit."""
        future: Future[None] = Future()
        self.queue.append((entry, future))
        if self.at_once:
            self.flush()
        self.queued.release()
        return future

    def flush(self) -> None:
        """Commit what is queued."""
        queue, self.queue = self.queue, []
        for entry, future in queue:
            if self.failure is not None:
                future.set_exception(self.failure)
                continue
            self.vectors[entry.digest] = entry.vector
            self.previews[entry.digest] = entry.preview
            future.set_result(None)


class Bench:
    """An Extraction among fakes whose decoder and trunk can be held up."""

    def __init__(self, *, capacity: int = 64, patient_capacity: int | None = None, threads: int = 2) -> None:
        self.disk = Disk()
        self.decoder = Gate()
        self.trunk = Gate()
        self.decoded: list[bytes] = []
        self.computed: list[int] = []
        self.failure: Exception | None = None
        self.now = 0.0
        self.batcher = Batcher(self._run_trunk, max_wait_s=0)
        self.pool = ThreadPoolExecutor(threads)
        self.extraction = Extraction(
            cache=self.disk,
            decode=self._decode,
            compute=self.batcher.submit,
            write=self.disk.write,
            pool=self.pool,
            admission=Admission(capacity, patient_capacity or capacity),
            estimate_wait_s=lambda pictures: pictures / 2,
            max_image_bytes=100,
            clock=lambda: self.now,
        )

    def close(self) -> None:
        """Stop everything that was begun."""
        self.decoder.open()
        self.trunk.open()
        self.extraction.close()
        self.pool.shutdown()
        self.batcher.close()

    def _decode(self, content: bytes) -> Decoded:
        self.decoder.pass_through()
        self.decoded.append(content)
        if content.startswith(b"bad"):
            raise InvalidArgumentError("no picture", reason="UNSUPPORTED_FORMAT")
        return Decoded(np.full((2, 2, 3), content[0], np.uint8), b"preview of " + content)

    def _run_trunk(self, images: Pixels) -> Vector:
        self.trunk.pass_through()
        if self.failure is not None:
            raise self.failure
        self.computed += images[:, 0, 0, 0].tolist()
        vectors: Vector = images.mean(axis=(1, 2), dtype=np.float32)
        return vectors


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Makes benches with these settings; they are closed at the end."""
    made: list[Bench] = []

    def make(**settings: int) -> Bench:
        made.append(Bench(**settings))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench with its usual settings."""
    return make_bench()
