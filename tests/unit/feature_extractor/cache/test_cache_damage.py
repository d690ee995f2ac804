"""Damaged values: never served, counted, dropped, and healed by the next write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import lmdb
import numpy as np

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT = b"f" * 16
DIMENSIONS = 8
SOON_S = 10.0


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


def entry(number: int, dimensions: int = DIMENSIONS) -> Entry:
    """What a picture's number makes of it."""
    return Entry(digest(number), np.full(dimensions, number, np.float32), b"jpeg%d" % number)


def open_cache(directory: Path) -> FeatureCache:
    """A cache of small vectors in a small map."""
    return FeatureCache(
        directory, fingerprint=FINGERPRINT, dimensions=DIMENSIONS, map_bytes=1 << 28, size_limit_bytes=1 << 26
    )


def damage(directory: Path, name: bytes, key: bytes) -> None:
    """Flip one bit of a stored value, as a bad disk would, while nobody has the cache open."""
    with lmdb.open(str(directory), max_dbs=8, map_size=1 << 28) as environment:
        database = environment.open_db(name)
        with environment.begin(write=True, db=database) as transaction:
            value = bytearray(transaction.get(key) or b"")
            value[len(value) // 2] ^= 4
            transaction.put(key, bytes(value))


def test_a_flipped_bit_is_counted_dropped_and_recomputed_never_served(tmp_path: Path) -> None:
    """A damaged vector reads as missing, counts once and is dropped, its neighbour is untouched; a new put heals it."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1), entry(2)])
    damage(tmp_path, b"vectors", FINGERPRINT + digest(1))
    with closing(open_cache(tmp_path)) as cache:
        for _ in range(2):
            assert [vector is None for vector in cache.get_many([digest(1), digest(2)])] == [True, False]
        assert (cache.stats().corrupt, cache.stats().misses) == (1, 2)
        cache.drop_damaged()
        assert (cache.stats().corrupt, cache.stats().entries) == (1, 1)
        cache.put_many([entry(1)])
        assert cache.get_many([digest(1)])[0] is not None
        assert (cache.stats().corrupt, cache.stats().entries) == (1, 2)


def test_a_damaged_vector_is_missing_as_soon_as_somebody_read_it(tmp_path: Path) -> None:
    """Asking whether it is there reads no value; after a look-up that met the damage it is missing until a new put."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1), entry(2)])
    damage(tmp_path, b"vectors", FINGERPRINT + digest(1))
    with closing(open_cache(tmp_path)) as cache:
        assert cache.contains_many([digest(1), digest(2), digest(3)]) == [True, True, False]
        cache.get_many([digest(1)])
        assert cache.contains_many([digest(1), digest(2)]) == [False, True]
        cache.put_many([entry(1)])
        assert cache.contains_many([digest(1), digest(2)]) == [True, True]


def test_reading_damage_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """A reader only notes what is damaged: it returns while somebody else is in the one write transaction."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    damage(tmp_path, b"vectors", FINGERPRINT + digest(1))
    damage(tmp_path, b"previews", digest(1))
    with closing(open_cache(tmp_path)) as cache:
        with ThreadPoolExecutor(1) as pool, cache._store.transaction(write=True):
            assert pool.submit(cache.get_many, [digest(1)]).result(SOON_S) == [None]
            assert pool.submit(cache.get_previews, [digest(1)]).result(SOON_S) == [None]
        assert (cache.stats().corrupt, cache.stats().entries) == (2, 1)


def test_what_was_found_damaged_is_dropped_at_the_latest_on_close(tmp_path: Path) -> None:
    """The next owner does not find it again."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    damage(tmp_path, b"vectors", FINGERPRINT + digest(1))
    with closing(open_cache(tmp_path)) as cache:
        cache.get_many([digest(1)])
    with closing(open_cache(tmp_path)) as cache:
        assert cache.contains_many([digest(1)]) == [False]
        assert (cache.stats().corrupt, cache.stats().entries) == (0, 0)


def test_a_put_heals_a_damaged_vector_that_nobody_read(tmp_path: Path) -> None:
    """A damaged value gives way to a new one, although its key is there."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    damage(tmp_path, b"vectors", FINGERPRINT + digest(1))
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
        assert cache.get_many([digest(1)])[0] is not None
        assert (cache.stats().entries, cache.stats().corrupt) == (1, 0)


def test_a_damaged_preview_is_not_served(tmp_path: Path) -> None:
    """A damaged preview reads as missing; the picture's vector is still there."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
    damage(tmp_path, b"previews", digest(1))
    with closing(open_cache(tmp_path)) as cache:
        assert cache.get_previews([digest(1)]) == [None]
        cache.drop_damaged()
        assert cache.get_many([digest(1)])[0] is not None
        assert (cache.stats().corrupt, cache.stats().previews) == (1, 0)


def test_a_value_that_was_healed_meanwhile_is_not_dropped(tmp_path: Path) -> None:
    """A reader that found damage deletes nothing sound: the picture may have been stored anew since it looked."""
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(1)])
        cache._mender.note("vectors", [FINGERPRINT + digest(1)])
        cache.drop_damaged()
        assert cache.contains_many([digest(1)]) == [True]
        assert cache.stats().entries == 1
