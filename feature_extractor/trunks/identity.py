"""The trunk's identity: everything that changes what a vector means, and the fingerprint made of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

FINGERPRINT_BYTES = 16
"""Length of a fingerprint: SHA-256, cut. 128 bits keep trunks apart, and every cache key is 16 bytes shorter."""


@dataclass(frozen=True, slots=True)
class TrunkIdentity:
    """What a vector depends on. Two trunks of equal identity give vectors that agree within the documented bound.

    Attributes:
        weights_sha256: SHA-256 of the weights, 64 lower-case hex digits: of a Keras network's arrays (see
            `weights.arrays.weights_sha256`), of a frozen graph's file, of a quantised trunk's model files.
        layer: name of the Keras layer the network is cut at, e.g. `avg_pool` or `mixed7`, or of a frozen graph's output
            tensor, e.g. `pool_3/_reshape:0`.
        preprocessing: id of the way from a picture's bytes to pixels, e.g. `pil-antialias-299-v1`.
        input_size_px: width and height of the network's input in pixels.
        precision: what the convolutions multiply in, `float32`, `bfloat16` or `int8`.
        engine: what runs the network, `tensorflow`, `jax` or `openvino`.
    """

    weights_sha256: str
    layer: str
    preprocessing: str
    input_size_px: int
    precision: str
    engine: str

    @property
    def fingerprint(self) -> bytes:
        """16 bytes: the SHA-256 of these fields as canonical JSON (sorted keys, no spaces, UTF-8), cut.

        JSON rather than joined strings, so that no two different identities can spell the same bytes.
        """
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).digest()[:FINGERPRINT_BYTES]
