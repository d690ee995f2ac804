"""What extraction and recognition answer, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from graft.errors import GraftError


@dataclass(frozen=True, slots=True)
class Limits:
    """What the extractor accepts.

    Attributes:
        max_images_per_request: pictures in one message.
        max_image_bytes: bytes of one picture's file.
        max_image_pixels: width times height of one picture.
        max_message_bytes: bytes of one gRPC message.
    """

    max_images_per_request: int
    max_image_bytes: int
    max_image_pixels: int
    max_message_bytes: int


@dataclass(frozen=True, slots=True)
class Trunk:
    """The frozen network that turns pictures into vectors.

    Attributes:
        fingerprint: 16 bytes that stand for everything that changes what a vector means.
        weights: `imagenet`, `nsfwjs`, a file's name or `random:SEED`.
        weights_sha256: SHA-256 of the weights in hexadecimal.
        weights_reason: why these weights serve, a sentence for people.
        layer: the layer whose output is the vector.
        dimensions: values in a vector.
        preprocessing: id of decoding and resizing.
        input_size_px: width and height pictures are resized to, in pixels.
        precision: `float32` or `bfloat16`.
        engine: what runs it, for example `tensorflow`.
        device: where it runs, for example `cpu`.
        limits: what requests must keep to.
    """

    fingerprint: bytes
    weights: str
    weights_sha256: str
    weights_reason: str
    layer: str
    dimensions: int
    preprocessing: str
    input_size_px: int
    precision: str
    engine: str
    device: str
    limits: Limits

    @property
    def fingerprint_hex(self) -> str:
        """The fingerprint in hexadecimal."""
        return self.fingerprint.hex()


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """The bottleneck vector of one picture, or why it has none.

    Attributes:
        source: where the picture came from: its path, or its place in the call such as `#3`.
        digest: SHA-256 of its bytes, 32 raw bytes; empty if they could not be read here.
        vector: float32[dimensions]; None if `error` is set.
        error: why there is no vector.
        cached: whether the vector came from the cache.
        fingerprint: 16 bytes naming the trunk; empty if `error` is set.
    """

    source: str
    digest: bytes
    vector: NDArray[np.float32] | None
    error: GraftError | None
    cached: bool
    fingerprint: bytes

    @property
    def digest_hex(self) -> str:
        """The digest in hexadecimal."""
        return self.digest.hex()


class Lookup(NamedTuple):
    """Cached vectors.

    Attributes:
        matrix: float32[n, dimensions], a row for each digest that is cached, in the order asked for.
        missing: the digests that are not cached, in the order asked for.
    """

    matrix: NDArray[np.float32]
    missing: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """A small copy of a picture.

    Attributes:
        digest: SHA-256 of the picture's bytes.
        jpeg: a JPEG of at most 256 pixels a side; empty if none is kept.
    """

    digest: bytes
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The state of the extractor's cache; the last four count since its start.

    Attributes:
        fingerprint: 16 bytes, the trunk that is served.
        vectors: vectors stored, of all fingerprints.
        previews: previews stored.
        used_bytes: bytes in use on disk.
        limit_bytes: the limit on `used_bytes`.
        hits: pictures and look-ups answered from the cache.
        misses: pictures and look-ups not found in it.
        corrupt: entries whose checksum failed.
        computed: pictures that went through the trunk.
    """

    fingerprint: bytes
    vectors: int
    previews: int
    used_bytes: int
    limit_bytes: int
    hits: int
    misses: int
    corrupt: int
    computed: int


@dataclass(frozen=True, slots=True)
class ScoredLabel:
    """One label and how probable the head finds it, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classification:
    """The labels of one picture, the most probable first."""

    labels: tuple[ScoredLabel, ...]

    @property
    def best(self) -> ScoredLabel:
        """The most probable label."""
        return self.labels[0]


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What a classifier made of one picture.

    Attributes:
        source: where the picture came from: its path, or its place in the call such as `#3`.
        digest: SHA-256 of its bytes, 32 raw bytes; empty if they could not be read here.
        classification: the labels; None if `error` is set.
        error: why there are none.
        cached: whether the picture's vector came from the cache.
        classifier: the classifier asked.
        version: the version that answered, 0 if none did.
    """

    source: str
    digest: bytes
    classification: Classification | None
    error: GraftError | None
    cached: bool
    classifier: str
    version: int

    @property
    def digest_hex(self) -> str:
        """The digest in hexadecimal."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class ServedHead:
    """A head that the classifier serves.

    Attributes:
        classifier: its name.
        version: 1 or more.
        aliases: those that point to it.
        fingerprint: 16 bytes, the trunk of the vectors it takes.
        dimensions: values in a vector it takes.
        labels: in the order of its outputs.
        load_time: when it was loaded, UTC.
    """

    classifier: str
    version: int
    aliases: tuple[str, ...]
    fingerprint: bytes
    dimensions: int
    labels: tuple[str, ...]
    load_time: datetime | None


@dataclass(frozen=True, slots=True)
class ServedHeads:
    """All heads that are served; `registry_connected` False says that the list may be out of date."""

    heads: tuple[ServedHead, ...]
    registry_connected: bool


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Whether one of the four services answers.

    Attributes:
        service: `gateway`, `feature_extractor`, `trainer` or `classifier`.
        serving: whether it takes calls.
        error: why not; None if it does.
    """

    service: str
    serving: bool
    error: GraftError | None
