"""Eviction that was asked for: by fingerprint, by age, to a size, while others go on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from timed_caches import FINGERPRINT, OTHER, Clock, TimedCaches, digest, entry, fill, stored

from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.records import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from feature_extractor.cache.feature_cache import FeatureCache


@pytest.fixture
def caches(tmp_path: Path) -> Iterator[TimedCaches]:
    """Caches of one directory; its file must be sound at the end."""
    made = TimedCaches(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(caches: TimedCaches) -> Clock:
    """What they go by."""
    return caches.clock


@pytest.fixture
def open_cache(caches: TimedCaches) -> Callable[..., FeatureCache]:
    """Opens one after another."""
    return caches.open


def test_a_pictures_views_leave_together_and_its_preview_with_the_last(
    open_cache: Callable[..., FeatureCache], clock: Clock
) -> None:
    """Eviction takes a picture with all its views; the preview is gone only when no vector is left of it."""
    cache = open_cache()
    views = [b"view%04d" % number for number in range(3)]
    cache.put_many([entry(1), *(entry(1, view) for view in views)])
    clock.now += 100
    cache.put_many([entry(2)])
    assert (cache.stats().entries, cache.stats().previews) == (5, 2)
    *_, last = cache.evict(EvictionRequest(unused_for_s=50))
    assert (last.vectors, last.previews) == (4, 1)
    assert cache.contains_many([entry(1).key, entry(1, views[0]).key, entry(2).key]) == [False, False, True]
    assert cache.get_previews([digest(1), digest(2)]) == [None, entry(2).preview]


def test_a_preview_stays_while_another_trunk_has_a_vector(
    open_cache: Callable[..., FeatureCache], clock: Clock
) -> None:
    """Dropping one fingerprint keeps the previews of pictures that the other knows, and drops the rest."""
    fill(open_cache(OTHER), clock, range(10))
    cache = open_cache(FINGERPRINT)
    fill(cache, clock, range(5, 15))
    *_, last = cache.evict(EvictionRequest(fingerprint=OTHER))
    assert (last.vectors, last.previews) == (10, 5)
    assert [use.fingerprint for use in cache.stats().fingerprints] == [FINGERPRINT]
    assert (cache.stats().entries_total, cache.stats().previews, cache.stats().evicted) == (10, 10, 10)


def test_all_criteria_must_hold(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """Age and fingerprint together take only what meets both; a size stops at the size."""
    fill(open_cache(OTHER), clock, range(100), group=100)
    cache = open_cache(FINGERPRINT)
    fill(cache, clock, range(100, 200), group=100)
    clock.now += 1000
    fill(cache, clock, range(200, 300), group=100)
    *_, last = cache.evict(EvictionRequest(fingerprint=FINGERPRINT, unused_for_s=500))
    assert (last.vectors, last.previews) == (100, 100)
    assert stored(cache, range(100, 300)) == list(range(200, 300))
    assert {use.fingerprint: use.vectors for use in cache.stats().fingerprints} == {FINGERPRINT: 100, OTHER: 100}
    goal = cache.stats().bytes_used - 20 * 4096
    *_, last = cache.evict(EvictionRequest(to_bytes=goal))
    assert goal - 4 * 4096 <= cache.stats().bytes_used == last.bytes_used <= goal
    assert cache.stats().entries == 100
    *_, last = cache.evict(EvictionRequest(unused_for_s=1e9))
    assert last.vectors == 0


def test_an_eviction_that_is_given_up_keeps_what_it_did(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """Closing the iterator after any step leaves counts, previews and vectors in agreement, and the rest evictable."""
    cache = open_cache(limit=16 << 20)
    fill(cache, clock, range(2000))
    clock.now += 10
    steps = cache.evict(EvictionRequest(to_bytes=0))
    while (step := next(steps)).vectors == 0:
        pass
    steps.close()
    stats = cache.stats()
    assert 0 < step.vectors < 2000
    assert (stats.entries, stats.previews, stats.evicted) == (2000 - step.vectors, 2000 - step.vectors, step.vectors)
    assert len(stored(cache, range(2000))) == stats.entries
    clock.now += 10
    list(cache.evict(EvictionRequest(unused_for_s=5)))
    assert (cache.stats().entries, cache.stats().previews) == (0, 0)


def test_readers_and_writers_go_on_while_one_evicts(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """With four threads reading and writing, an eviction ends, nobody sees a wrong vector, and the counts are right."""
    cache = open_cache(limit=16 << 20)
    fill(cache, clock, range(1500))
    clock.now += 100
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            stored(cache, range(1400, 1500))

    def write(first: int) -> None:
        for number in range(first, first + 200, 10):
            cache.put_many([entry(each) for each in range(number, number + 10)])

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, first) for first in (5000, 6000)]
        *_, last = cache.evict(EvictionRequest(unused_for_s=50))
        for writer in writers:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()
    stats = cache.stats()
    assert last.vectors == stats.evicted
    assert stored(cache, range(5000, 5200)) + stored(cache, range(6000, 6200)) == [
        *range(5000, 5200),
        *range(6000, 6200),
    ]
    assert stats.entries == stats.entries_total == 1500 + 400 - last.vectors == stats.previews


def test_a_vector_that_was_asked_for_is_missing_once_it_is_evicted(open_cache: Callable[..., FeatureCache]) -> None:
    """That it was there a moment ago is not taken for an answer."""
    cache = open_cache()
    cache.put_many([entry(number) for number in range(10)])
    keys = [digest(number) for number in range(20)]
    assert [cache.contains_many(keys) for _ in range(2)] == [[True] * 10 + [False] * 10] * 2
    list(cache.evict(EvictionRequest(to_bytes=0)))
    assert cache.contains_many(keys) == [False] * 20
    cache.put_many([entry(15)])
    assert cache.contains_many(keys) == [number == 15 for number in range(20)]


def test_a_new_vector_is_spared_though_it_shares_its_slot_with_an_old_one(
    open_cache: Callable[..., FeatureCache], clock: Clock
) -> None:
    """A picture whose digest begins as that of an old one is not taken for old, even right after its commit."""
    cache = open_cache()
    old, new = b"\x12\x34\x50" + bytes(29), b"\x12\x34\x5f" + bytes(29)
    cache.put_many([Entry(old, entry(1).vector)])
    clock.now += 100
    commit = cache._putting.put

    def commit_and_evict(entries: Sequence[Entry]) -> None:
        commit(entries)
        list(cache.evict(EvictionRequest(unused_for_s=50)))

    cache._putting.put = commit_and_evict  # type: ignore[method-assign] # the one moment that matters
    cache.put_many([Entry(new, entry(2).vector)])
    assert cache.contains_many([new]) == [True]
