"""Eviction at the size limit: who goes, who stays, and that the limit is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from timed_caches import FINGERPRINT, LIMIT, OTHER, Clock, TimedCaches, digest, entry, fill, stored

from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.last_use import slots_of
from graft.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


def test_an_import_larger_than_the_limit_finishes_with_the_oldest_gone(
    open_cache: Callable[..., FeatureCache], clock: Clock
) -> None:
    """Writing three times what fits never fails and never passes the limit; what is left is what was written last."""
    cache = open_cache()
    for start in range(0, 2400, 50):
        fill(cache, clock, range(start, start + 50))
        assert cache.stats().bytes_used <= LIMIT
    left = stored(cache, range(2400))
    complete = 50 * (left[0] // 50 + 1)  # groups of 50 are equally old; of the oldest that is left, some may be gone
    assert [number for number in left if number >= complete] == list(range(complete, 2400))
    assert len(left) > 600
    stats = cache.stats()
    assert (stats.entries, stats.previews, stats.evicted) == (len(left), len(left), 2400 - len(left))
    assert stats.file_bytes < 1.5 * LIMIT


def test_what_is_read_stays_and_what_is_not_goes(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """Reading a vector, or asking whether it is there, keeps it at the limit; no write happens for it."""
    cache = open_cache()
    fill(cache, clock, range(600))
    wanted = list(range(0, 600, 60))
    for start in range(600, 2400, 50):
        assert stored(cache, wanted[:5]) == wanted[:5]
        assert all(cache.contains_many([digest(number) for number in wanted[5:]]))
        fill(cache, clock, range(start, start + 50))
    assert stored(cache, wanted) == wanted
    assert stored(cache, range(1, 60)) == []


def test_a_group_larger_than_the_limit_is_refused_and_nothing_is_evicted_for_it(
    open_cache: Callable[..., FeatureCache], clock: Clock
) -> None:
    """What could not fit even alone leaves the cache as it was, and what is there can still be evicted."""
    cache = open_cache()
    fill(cache, clock, range(500))
    with pytest.raises(ResourceExhaustedError, match="size limit"):
        cache.put_many([entry(number) for number in range(1000, 3000)])
    assert (cache.stats().entries, cache.stats().evicted) == (500, 0)
    fill(cache, clock, range(3000, 3800))
    assert 0 not in stored(cache, range(500))
    assert cache.stats().evicted > 0


def test_a_lower_limit_is_reached_step_by_step(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """A cache that is opened with a smaller limit takes new entries at once and shrinks with each write."""
    fill(open_cache(limit=4 * LIMIT), clock, range(3000))
    cache = open_cache(limit=LIMIT)
    used = cache.stats().bytes_used
    for number in range(5000, 5010):
        cache.put_many([entry(number)])
        assert cache.stats().bytes_used <= max(used, LIMIT)
        used = cache.stats().bytes_used
    assert used <= LIMIT
    assert stored(cache, range(5000, 5010)) == list(range(5000, 5010))


def test_the_least_recently_used_of_all_fingerprints_goes_first(
    open_cache: Callable[..., FeatureCache], clock: Clock, tmp_path: Path
) -> None:
    """At the limit the vectors of a trunk that served before make room before those of the present one."""
    fill(open_cache(OTHER), clock, range(300))
    cache = open_cache(FINGERPRINT)
    assert [use.last_use_s for use in cache.stats().fingerprints] == [1_000_005]
    fill(cache, clock, range(1000, 1700))
    counts = {use.fingerprint: use.vectors for use in cache.stats().fingerprints}
    assert counts[FINGERPRINT] == 700
    assert counts.get(OTHER, 0) < 300
    list(cache.evict(EvictionRequest(fingerprint=OTHER)))
    assert not (tmp_path / f"last-use-{OTHER.hex()}.bin").exists()


def test_after_a_kill_nothing_is_beyond_eviction(
    open_cache: Callable[..., FeatureCache], clock: Clock, tmp_path: Path
) -> None:
    """Without the file of last uses, what is there counts as old: it makes room and goes by age; new uses count."""
    fill(open_cache(), clock, range(600))
    open_cache().close()
    (tmp_path / f"last-use-{FINGERPRINT.hex()}.bin").unlink()
    cache = open_cache()
    assert cache.stats().fingerprints[0].last_use_s is None
    assert stored(cache, [3, 4]) == [3, 4]
    clock.now += 10
    fill(cache, clock, range(1000, 1500))
    assert cache.stats().bytes_used <= LIMIT
    assert cache.stats().evicted > 100
    *_, last = cache.evict(EvictionRequest(unused_for_s=3600))
    assert last.vectors > 0
    assert cache.stats().entries == 502
    assert stored(cache, [3, 4, *range(1000, 1500)]) == [3, 4, *range(1000, 1500)]


def test_a_failed_transaction_leaves_ages_as_they_were(open_cache: Callable[..., FeatureCache], clock: Clock) -> None:
    """If a step fails half way, what it had removed is back, and as old as before."""
    cache = open_cache()
    fill(cache, clock, range(10), group=1)
    victims = cache._evictor._victims
    oldest = victims.pick([FINGERPRINT], 2_000_000)

    def remove_and_fail() -> None:
        with victims.transaction() as transaction:
            assert victims.remove(transaction, oldest[0]).vectors == 1
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        remove_and_fail()
    assert victims.pick([FINGERPRINT], 2_000_000) == oldest
    assert oldest[0].slot == slots_of([digest(0)])[0]
    assert stored(cache, range(10)) == list(range(10))


def test_the_table_of_a_fingerprint_that_was_evicted_whole_is_deleted(
    open_cache: Callable[..., FeatureCache], clock: Clock, tmp_path: Path
) -> None:
    """When room for new vectors took the last of another trunk's, its file of last uses goes too."""
    fill(open_cache(OTHER), clock, range(100))
    cache = open_cache()
    path = next(tmp_path.rglob(f"last-use-{OTHER.hex()}.bin"))
    fill(cache, clock, range(200, 300))
    assert path.exists()
    fill(cache, clock, range(1000, 3000))
    assert [use.fingerprint for use in cache.stats().fingerprints] == [FINGERPRINT]
    assert not path.exists()


def test_files_of_last_uses_that_nobody_needs_are_gone_after_a_start(
    open_cache: Callable[..., FeatureCache], tmp_path: Path
) -> None:
    """That of a trunk whose vectors are all gone, and one that a kill left half written."""
    name = f"last-use-{OTHER.hex()}.bin"
    stray = [tmp_path / name, tmp_path / f".{name}.77.tmp"]
    for path in stray:
        path.write_bytes(b"")
    open_cache()
    assert not any(path.exists() for path in stray)
