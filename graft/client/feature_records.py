"""What the extractor tells of its trunk, and what it makes of pictures, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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
        max_views: extra views of one picture.
    """

    max_images_per_request: int
    max_image_bytes: int
    max_image_pixels: int
    max_message_bytes: int
    max_views: int


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
        precision: `float32`, `bfloat16` or `int8`.
        engine: what runs it: `tensorflow`, `jax` or `openvino`.
        device: where it runs, for example `CPU`.
        cpu_fallback: whether a GPU was asked for and the processor serves instead.
        view_rule: id of the rule by which extra views are drawn.
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
    cpu_fallback: bool
    view_rule: str
    limits: Limits

    @property
    def fingerprint_hex(self) -> str:
        """The fingerprint in hexadecimal."""
        return self.fingerprint.hex()


@dataclass(frozen=True, slots=True, eq=False)
class ViewFeature:
    """The vector of one extra view of a picture.

    Attributes:
        view: the number of the view, 1 or more.
        vector: float32[dimensions].
        cached: whether the vector came from the cache.
    """

    view: int
    vector: NDArray[np.float32]
    cached: bool


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Where one picture spent its time in the extractor, in milliseconds; with views the sum over all of them.

    Attributes:
        queue_ms: waiting for admission, for a decoding thread, for a batch.
        decode_ms: decoding and resizing.
        trunk_ms: in the trunk, with the whole batch that the picture was in.
        cache_ms: reading and, where the call waits for it, writing the cache.
    """

    queue_ms: float
    decode_ms: float
    trunk_ms: float
    cache_ms: float


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
        views: the extra views asked for, by number; empty if `error` is set.
        timings: where the time went, if it was asked for; None if `error` is set.
    """

    source: str
    digest: bytes
    vector: NDArray[np.float32] | None
    error: GraftError | None
    cached: bool
    fingerprint: bytes
    views: tuple[ViewFeature, ...] = ()
    timings: StageTimings | None = None

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
