"""A map that is full: room is made in it as under the size limit, as far as that can help."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import lmdb
import numpy as np
import pytest

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry
from graft.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIMENSIONS = 768
GROUP = 50  # more than an eighth of the map, which is what the size limit leaves free in it
SOON_S = 10.0


def group(number: int) -> list[Entry]:
    """Some pictures' vectors."""
    numbers = range(number * GROUP, number * GROUP + GROUP)
    return [Entry(sha256(b"%d" % each).digest(), np.full(DIMENSIONS, each, np.float32)) for each in numbers]


def put_groups(cache: FeatureCache, numbers: range) -> None:
    """Write these groups, one after another."""
    for number in numbers:
        cache.put_many(group(number))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    """A cache in a map of a megabyte."""
    with closing(
        FeatureCache(
            tmp_path, fingerprint=b"f" * 16, dimensions=DIMENSIONS, map_bytes=1 << 20, size_limit_bytes=1 << 40
        )
    ) as opened:
        yield opened


def test_a_full_map_makes_room_for_what_is_written(cache: FeatureCache) -> None:
    """Group after group is stored although the map has no room beside what the size limit allows; the oldest go."""
    for number in range(40):
        cache.put_many(group(number))
        assert all(cache.contains_many([entry.key for entry in group(number)]))
    stats = cache.stats()
    assert stats.evicted == 40 * GROUP - stats.entries
    assert stats.refused == 0


def test_a_map_that_stays_full_is_told_and_not_emptied(cache: FeatureCache) -> None:
    """While a reader holds the pages that are freed, the write fails in the end with some gone; the next drops none."""
    put_groups(cache, range(4))
    reading, go = threading.Event(), threading.Event()

    def hold() -> None:
        with cache._store.transaction():
            reading.set()
            assert go.wait(SOON_S)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert reading.wait(SOON_S)
        try:
            with pytest.raises(ResourceExhaustedError) as refused:
                put_groups(cache, range(4, 40))
            left = cache.stats().entries
            with pytest.raises(ResourceExhaustedError):
                put_groups(cache, range(40, 41))
            assert cache.stats().entries == left > 0
        finally:
            go.set()
        holding.result()
    assert refused.value.reason == "CACHE_FULL"
    assert isinstance(refused.value.__cause__, lmdb.MapFullError)
    cache.put_many(group(50))
    assert all(cache.contains_many([entry.key for entry in group(50)]))
