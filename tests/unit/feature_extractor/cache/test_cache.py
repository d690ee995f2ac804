"""The store of vectors and previews: what it keeps, what it refuses, and that it never serves damage."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry
from graft.errors import ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINGERPRINT = b"f" * 16
OTHER_FINGERPRINT = b"g" * 16
DIMENSIONS = 8


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


def entry(number: int, dimensions: int = DIMENSIONS) -> Entry:
    """What a picture's number makes of it."""
    return Entry(digest(number), np.full(dimensions, number, np.float32), b"jpeg%d" % number)


def open_cache(directory: Path, fingerprint: bytes = FINGERPRINT, **settings: int) -> FeatureCache:
    """A cache of small vectors in a small map."""
    return FeatureCache(
        directory,
        **{"dimensions": DIMENSIONS, "map_bytes": 1 << 28, "size_limit_bytes": 1 << 26} | settings,
        fingerprint=fingerprint,
    )


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    """An empty cache in a directory of its own."""
    with closing(open_cache(tmp_path / "cache")) as opened:
        yield opened


def test_vectors_and_previews_come_back_in_the_order_asked(cache: FeatureCache) -> None:
    """Each digest gets its own vector, preview or None, in the order of the question."""
    cache.put_many([entry(1), entry(2)])
    digests = [digest(2), digest(9), digest(1)]
    two, nine, one = cache.get_many(digests)
    assert nine is None
    assert two is not None
    assert one is not None
    assert (two.tolist(), one.tolist()) == ([2.0] * DIMENSIONS, [1.0] * DIMENSIONS)
    assert cache.contains_many(digests) == [True, False, True]
    assert cache.get_previews(digests) == [b"jpeg2", None, b"jpeg1"]


def test_entries_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    """A reopened cache has what was put before."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    with closing(open_cache(tmp_path)) as cache:
        assert cache.get_many([digest(1)])[0] is not None
        assert cache.stats().entries == 1


def test_a_vector_of_another_fingerprint_is_never_served(tmp_path: Path) -> None:
    """Two trunks share the directory, one after the other, without seeing each other's vectors; previews are shared."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1), entry(2)])
    with closing(open_cache(tmp_path, OTHER_FINGERPRINT)) as cache:
        assert cache.get_many([digest(1)]) == [None]
        assert cache.get_previews([digest(1)]) == [b"jpeg1"]
        cache.put_many([entry(1)])
        stats = cache.stats()
        assert (stats.entries, stats.entries_total) == (1, 3)
        assert [(use.fingerprint, use.vectors) for use in stats.fingerprints] == [
            (FINGERPRINT, 2),
            (OTHER_FINGERPRINT, 1),
        ]


def test_a_stored_vector_stays_what_it_is(cache: FeatureCache) -> None:
    """Putting a digest again neither changes its vector nor counts it twice."""
    cache.put_many([entry(1)])
    cache.put_many([Entry(digest(1), np.zeros(DIMENSIONS, np.float32)), entry(2), entry(2)])
    vector = cache.get_many([digest(1)])[0]
    assert vector is not None
    assert vector[0] == 1
    assert (cache.stats().entries, cache.stats().previews) == (2, 2)


def test_a_vector_is_the_callers_own_copy(cache: FeatureCache, tmp_path: Path) -> None:
    """A vector outlives the cache it came from: nothing points into the closed map."""
    cache.put_many([entry(3)])
    vector = cache.get_many([digest(3)])[0]
    cache.close()
    assert vector is not None
    assert vector.sum() == 3 * DIMENSIONS
    assert (tmp_path / "cache" / "data.mdb").exists()


def test_hits_and_misses_are_counted(cache: FeatureCache) -> None:
    """The counters tell what get_many found, unless it is asked not to count; contains_many does not move them."""
    cache.put_many([entry(1)])
    cache.get_many([digest(1), digest(2), digest(1)])
    cache.get_many([digest(1), digest(2)], counted=False)
    cache.contains_many([digest(1), digest(2)])
    assert (cache.stats().hits, cache.stats().misses) == (2, 1)


def test_a_write_that_cannot_fit_is_refused_as_a_whole(tmp_path: Path) -> None:
    """Entries larger than the size limit raise CACHE_FULL and change nothing; reading and writing less go on."""
    large = 2048
    with closing(open_cache(tmp_path, dimensions=large, size_limit_bytes=200_000)) as cache:
        cache.put_many([entry(number, large) for number in range(5)])
        used = cache.stats().bytes_used
        with pytest.raises(ResourceExhaustedError, match="size limit") as refused:
            cache.put_many([entry(number, large) for number in range(5, 50)])
        assert refused.value.reason == "CACHE_FULL"
        assert refused.value.metadata == {"cause": "size_limit"}
        stats = cache.stats()
        assert (stats.entries, stats.bytes_used, stats.refused, stats.evicted) == (5, used, 45, 0)
        assert cache.get_many([digest(7)]) == [None]
        cache.put_many([entry(1, large)])
        cache.put_many([entry(6, large)])
        assert cache.contains_many([digest(1), digest(6)]) == [True, True]
        assert 200_000 >= cache.stats().bytes_used > used


def test_a_full_map_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    """When LMDB's own map is full, put raises CACHE_FULL, and what was committed stays readable and complete."""
    with closing(open_cache(tmp_path, dimensions=2048, map_bytes=1 << 18, size_limit_bytes=1 << 40)) as cache:
        cache.put_many([entry(1, 2048)])
        with pytest.raises(ResourceExhaustedError, match="free space") as refused:
            cache.put_many([entry(number, 2048) for number in range(2, 100)])
        assert refused.value.reason == "CACHE_FULL"
        assert cache.stats().entries == 1
        cache.put_many([entry(2, 2048)])
        assert cache.contains_many([digest(1), digest(2), digest(3)]) == [True, True, False]


def test_a_closed_cache_says_so(cache: FeatureCache) -> None:
    """After close, which may be called twice, every method raises UnavailableError instead of touching the map."""
    cache.put_many([entry(1)])
    assert [cache.contains_many([digest(1)]) for _ in range(2)] == [[True], [True]]
    cache.close()
    cache.close()
    with pytest.raises(UnavailableError, match="stopping"):
        cache.contains_many([digest(1)])
    with pytest.raises(UnavailableError, match="stopping"):
        cache.get_many([digest(1)])
    with pytest.raises(UnavailableError, match="stopping"):
        cache.put_many([entry(1)])


def test_many_threads_read_while_one_writes_and_closing_waits_for_them(cache: FeatureCache) -> None:
    """Readers see each picture's own vector or nothing, while it is written and until the cache closes beneath them."""
    started = threading.Barrier(5)

    def read() -> str:
        started.wait()
        try:
            while True:
                for number, vector in enumerate(cache.get_many([digest(number) for number in range(200)])):
                    assert vector is None or (vector == number).all()
        except UnavailableError as error:
            return error.reason

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        started.wait()
        for number in range(200):
            cache.put_many([entry(number)])
        cache.close()
        assert [reader.result() for reader in readers] == ["CACHE_CLOSED"] * 4


def test_a_vector_of_other_dimensions_is_not_stored(cache: FeatureCache) -> None:
    """A vector whose length is not the trunk's is an error, with its whole group, instead of a value never served."""
    with pytest.raises(ValueError, match="8 dimensions, not 9"):
        cache.put_many([entry(1), entry(2, DIMENSIONS + 1)])
    assert cache.stats().entries == 0


def test_views_are_kept_beside_their_picture(cache: FeatureCache) -> None:
    """A key of 40 bytes has a vector of its own; the preview is under the picture's digest alone."""
    view = digest(1) + b"a view's"
    cache.put_many([entry(1), Entry(view, np.full(DIMENSIONS, 7, np.float32), b"jpeg1")])
    picture, of_view, other = cache.get_many([digest(1), view, digest(1) + b"another!"])
    assert picture is not None
    assert of_view is not None
    assert other is None
    assert (picture[0], of_view[0]) == (1, 7)
    stats = cache.stats()
    assert (stats.entries, stats.previews) == (2, 1)


def test_files_are_read_outside_of_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling the last uses of another fingerprint reads a file, while no reader keeps pages from being used anew."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    with closing(open_cache(tmp_path, OTHER_FINGERPRINT)) as cache:
        asked = []

        def newest(fingerprint: bytes) -> int | None:
            asked.append((fingerprint, cache._store._users))
            return None

        monkeypatch.setattr(cache._recency, "newest", newest)
        cache.stats()
    assert asked == [(FINGERPRINT, 0)]


def test_the_last_use_is_told(tmp_path: Path) -> None:
    """The statistics say when a vector was last written or read, to the second; a miss is no use."""
    now = [1000.0]
    with closing(
        FeatureCache(tmp_path, fingerprint=FINGERPRINT, dimensions=DIMENSIONS, map_bytes=1 << 28, clock=lambda: now[0])
    ) as cache:
        cache.put_many([entry(1)])
        now[0] = 2000.5
        cache.get_many([digest(2)])
        assert [use.last_use_s for use in cache.stats().fingerprints] == [1000]
        cache.contains_many([digest(1)])
        assert [use.last_use_s for use in cache.stats().fingerprints] == [2000]
