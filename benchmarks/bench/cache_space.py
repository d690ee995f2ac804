"""What a vector takes on disk and what packing costs: stored raw, and as the cache stores it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import lmdb
import numpy as np

from feature_extractor.cache.packing import pack_vector, unpack_vectors
from feature_extractor.cache.records import seal

if TYPE_CHECKING:
    from collections.abc import Sequence

_VECTORS = 4096
_BATCH = 256
_KEY_PREFIX = b"bench space 0001"


@dataclass(frozen=True, slots=True)
class Space:
    """What one vector costs.

    Attributes:
        dimensions: of the vector.
        raw_bytes: on disk as it is, with its share of the tree.
        stored_bytes: on disk as the cache stores it.
        pack_us: processor time to pack one, in microseconds.
        unpack_us: processor time to unpack one in a batch of 256, checksum included, in microseconds.
    """

    dimensions: int
    raw_bytes: float
    stored_bytes: float
    pack_us: float
    unpack_us: float


def space(dimensions: int) -> Space:
    """Measure vectors of so many values, that look like averages after a ReLU."""
    generator = np.random.default_rng(0)
    vectors = np.maximum(generator.normal(0.2, 0.4, (_VECTORS, dimensions)), 0).astype(np.float32)
    keys = [_KEY_PREFIX + sha256(b"%d" % number).digest() for number in range(_VECTORS)]
    raw = [seal(key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True)]
    started = time.process_time()
    packed = [pack_vector(key, vector) for key, vector in zip(keys, vectors, strict=True)]
    packing = time.process_time() - started
    started = time.process_time()
    for start in range(0, _VECTORS, _BATCH):
        unpack_vectors(keys[start : start + _BATCH], packed[start : start + _BATCH], dimensions)
    unpacking = time.process_time() - started
    return Space(
        dimensions,
        _bytes_on_disk(keys, raw),
        _bytes_on_disk(keys, packed),
        packing / _VECTORS * 1e6,
        unpacking / _VECTORS * 1e6,
    )


def _bytes_on_disk(keys: Sequence[bytes], values: Sequence[bytes]) -> float:
    with tempfile.TemporaryDirectory() as name, lmdb.open(name, map_size=1 << 30, sync=False) as environment:
        for start in range(0, len(keys), _BATCH):
            with environment.begin(write=True) as transaction:
                for key, value in zip(keys[start : start + _BATCH], values[start : start + _BATCH], strict=True):
                    transaction.put(key, value)
        stat = environment.stat()
        pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return pages * stat["psize"] / len(keys)
