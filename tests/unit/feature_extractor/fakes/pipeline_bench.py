"""An Extraction among fakes: a decoder and a trunk that can be held up, a disk that writes when told to, a clock."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from gates import SOON_S, Gate

from feature_extractor.decoding.views import draw
from feature_extractor.pipeline.admission import Admission, Bounds
from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.calls import Terms
from feature_extractor.pipeline.decode_pool import DecodePool
from feature_extractor.pipeline.extraction import Extraction
from feature_extractor.pipeline.lanes import Lane
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.cache.records import Entry, Vector
    from feature_extractor.decoding.views import Distortion, View
    from feature_extractor.pipeline.admission import Place
    from feature_extractor.pipeline.batch_items import Pixels
    from feature_extractor.pipeline.calls import Pending
    from feature_extractor.pipeline.flights import Extracted
    from feature_extractor.pipeline.timings import Observer

MAX_IMAGE_BYTES = 100


@dataclass(frozen=True)
class Decoded:
    """What the fake decoder makes of a picture."""

    pixels: Pixels
    preview: bytes
    views: tuple[Pixels, ...]


def pixels_of(content: bytes, distortion: Distortion | None = None) -> Pixels:
    """uint8[2, 2, 3]: the picture's first byte, 100 times a view's brightness or 0, and 7."""
    colour = (content[0], round(100 * distortion.brightness) if distortion else 0, 7)
    return np.tile(np.array(colour, np.uint8), (2, 2, 1))


def expected_vector(content: bytes, view: View | None = None) -> list[float]:
    """What the fakes together make of a picture, or of a view of it."""
    distortion = draw(hashlib.sha256(content).digest(), view) if view else None
    return [float(each) for each in pixels_of(content, distortion)[0, 0]]


@dataclass
class Disk:
    """A cache in memory, whose writes wait until `flush` unless it writes at once, and which may fail."""

    at_once: bool = True
    failure: Exception | None = None
    read_failure: Exception | None = None
    counted: int = 0
    vectors: dict[bytes, Vector] = field(default_factory=dict)
    previews: dict[bytes, bytes] = field(default_factory=dict)
    queue: list[tuple[Entry, Future[None]]] = field(default_factory=list)
    queued: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get_many(self, keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        """As FeatureCache.get_many."""
        if self.read_failure is not None:
            raise self.read_failure
        self.counted += len(keys) * counted
        return [self.vectors.get(key) for key in keys]

    def write(self, entry: Entry) -> Future[None]:
        """As GroupCommitWriter.submit."""
        future: Future[None] = Future()
        with self.lock:
            self.queue.append((entry, future))
        if self.at_once:
            self.flush()
        self.queued.release()
        return future

    def flush(self) -> None:
        """Commit what is queued."""
        with self.lock:
            queue, self.queue = self.queue, []
        for entry, future in queue:
            if self.failure is not None:
                future.set_exception(self.failure)
                continue
            self.vectors[entry.key] = entry.vector
            if entry.preview:
                self.previews[entry.digest] = entry.preview
            future.set_result(None)


class WatchedAdmission(Admission):
    """Tells when places are given back."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds)
        self._left = threading.Condition()

    def leave(self, place: Place) -> None:
        """As Admission's."""
        super().leave(place)
        with self._left:
            self._left.notify_all()

    def await_nothing_under_way(self) -> None:
        """Wait until all places are given back and nobody is in line."""
        with self._left:
            assert self._left.wait_for(lambda: not (self.taken or self.waiting), SOON_S)


class EvenBatcher(Batcher):
    """A batcher whose pace is set by hand."""

    seconds_per_picture = 0.0

    def estimate_wait_s(self, pictures: int) -> float:
        """As Batcher's."""
        return pictures * self.seconds_per_picture


class Bench:
    """An Extraction among fakes whose decoder and trunk can be held up; its time is `now`, a batch takes `trunk_s`.

    Args:
        capacity: pictures under way at once; a quarter is left to the interactive lane.
        patient_capacity: pictures of those who wait in line; None is as many as may be of the bulk lane.
        bounds: instead of these two.
        threads: for decoding.
        sizes: of batches.
        concurrency: batches at once.
        observer: told where the time goes.
    """

    def __init__(
        self,
        *,
        capacity: int = 64,
        patient_capacity: int | None = None,
        bounds: Bounds | None = None,
        threads: int = 2,
        sizes: Sequence[int] = (1, 2, 4, 8, 16, 32),
        concurrency: int = 1,
        observer: Observer | None = None,
    ) -> None:
        self.disk = Disk()
        self.decoder = Gate()
        self.trunk = Gate()
        self.decoded: list[bytes] = []
        self.computed: list[int] = []
        self.sizes: list[int] = []
        self.failure: Exception | None = None
        self.now = 0.0
        self.trunk_s = 0.0
        self.batcher = EvenBatcher(
            self._run_trunk, sizes=sizes, concurrency=concurrency, max_wait_s=0, clock=lambda: self.now
        )
        self.pool = DecodePool(threads)
        self.admission = WatchedAdmission(
            bounds or Bounds.of(capacity, capacity * MAX_IMAGE_BYTES, patient_capacity or capacity)
        )
        self.extraction = Extraction(
            cache=self.disk,
            decode=self._decode,
            batcher=self.batcher,
            write=self.disk.write,
            pool=self.pool,
            admission=self.admission,
            max_image_bytes=MAX_IMAGE_BYTES,
            observer=observer,
            clock=lambda: self.now,
        )

    def call(self, *contents: bytes, **terms: Any) -> list[Future[Extracted]]:
        """One call for these pictures on these terms: a future for each picture as it is."""
        return [picture.futures[0] for picture in self.pending(*contents, **terms)]

    def pending(self, *contents: bytes, **terms: Any) -> list[Pending]:
        """One call for these pictures on these terms, views and all."""
        return self.extraction.extract_many(contents, Terms(**terms))

    def stream(self, *contents: bytes, **terms: Any) -> list[Future[Extracted]]:
        """One message of a stream."""
        return self.call(*contents, **{"lane": Lane.BULK, "patient": True, "durable": True, **terms})

    def await_nothing_under_way(self) -> None:
        """Wait until every picture is done, dropped or failed; the counters are final then."""
        self.admission.await_nothing_under_way()
        assert len(self.extraction._flights) == 0
        assert (self.admission.taken, self.admission.taken_bytes) == (0, 0)

    def close(self) -> None:
        """Stop everything that was begun."""
        self.decoder.open()
        self.trunk.open()
        self.extraction.close()
        self.pool.close()
        self.batcher.close()
        self.disk.flush()

    def _decode(self, content: bytes, distortions: Sequence[Distortion]) -> Decoded:
        self.decoder.pass_through()
        self.decoded.append(content)
        if content.startswith(b"bad"):
            raise InvalidArgumentError("no picture", reason="UNSUPPORTED_FORMAT")
        views = tuple(pixels_of(content, each) for each in distortions)
        return Decoded(pixels_of(content), b"preview of " + content, views)

    def _run_trunk(self, images: Pixels) -> Vector:
        self.sizes.append(len(images))
        self.trunk.pass_through()
        self.now += self.trunk_s
        if self.failure is not None:
            raise self.failure
        self.computed += images[:, 0, 0, 0].tolist()
        vectors: Vector = images.mean(axis=(1, 2), dtype=np.float32)
        return vectors
