"""Verification: everything damaged is found, counted and dropped, everything else stays, whatever goes on meanwhile."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import lmdb
import lmdb.verify
import numpy as np
import pytest

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry, seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FINGERPRINT, OTHER = b"f" * 16, b"g" * 16
DIMENSIONS, OTHER_DIMENSIONS = 2048, 768


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


def entry(number: int, dimensions: int = DIMENSIONS) -> Entry:
    """What a picture's number makes of it."""
    return Entry(digest(number), np.full(dimensions, number, np.float32), b"jpeg%d" % number)


def open_cache(directory: Path, fingerprint: bytes = FINGERPRINT, dimensions: int = DIMENSIONS) -> FeatureCache:
    """A cache in a small map."""
    return FeatureCache(
        directory, fingerprint=fingerprint, dimensions=dimensions, map_bytes=1 << 28, size_limit_bytes=1 << 27
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A closed cache with pictures 0 to 599 of the serving trunk and 400 to 699 of another; previews of all 700."""
    with closing(open_cache(tmp_path, OTHER, OTHER_DIMENSIONS)) as cache:
        cache.put_many([entry(number, OTHER_DIMENSIONS) for number in range(400, 700)])
    with closing(open_cache(tmp_path)) as cache:
        cache.put_many([entry(number) for number in range(600)])
    return tmp_path


def change(directory: Path, name: str, key: bytes, alter: Callable[[bytearray], object]) -> None:
    """Alter a stored value, while nobody has the cache open."""
    with lmdb.open(str(directory), max_dbs=8, map_size=1 << 28) as environment:
        database = environment.open_db(name.encode())
        with environment.begin(write=True, db=database) as transaction:
            value = bytearray(transaction.get(key) or b"")
            alter(value)
            transaction.put(key, bytes(value))


def flip(place: int) -> Callable[[bytearray], object]:
    """Flips a bit of the byte at this place."""

    def alter(value: bytearray) -> None:
        value[place] ^= 4

    return alter


def test_a_sound_cache_loses_nothing(directory: Path) -> None:
    """Every vector of every fingerprint and every preview is read; nothing is dropped; the total is what there is."""
    with closing(open_cache(directory)) as cache:
        steps = list(cache.verify())
        assert (steps[-1].checked, steps[-1].total, steps[-1].dropped) == (1600, 1600, 0)
        assert [step.checked for step in steps] == sorted(step.checked for step in steps)
        assert len(steps) > 5
        assert cache.stats().corrupt == 0


@pytest.mark.parametrize("place", [0, 639, 640, 4095, 8171, 8172, -1])
def test_a_flipped_bit_anywhere_in_a_value_is_found(directory: Path, place: int) -> None:
    """In folded values, their sign bits and checksum, one flipped bit is found, counted and dropped."""
    change(directory, "vectors", FINGERPRINT + digest(7), flip(place))
    with closing(open_cache(directory)) as cache:
        *_, last = cache.verify()
        assert last.dropped == 1
        stats = cache.stats()
        assert (stats.corrupt, stats.entries, stats.previews) == (1, 599, 699)
        assert cache.get_many([digest(7)]) == [None]
        assert sum(cache.contains_many([digest(number) for number in range(600)])) == 599
        cache.put_many([entry(7)])
        *_, last = cache.verify()
        assert (last.dropped, cache.stats().entries) == (0, 600)


def test_damage_under_other_fingerprints_and_in_previews_is_found(directory: Path) -> None:
    """The vectors of a trunk that does not serve and the previews are checked too; a shared preview stays."""
    change(directory, "vectors", OTHER + digest(500), flip(100))
    change(directory, "previews", digest(30), flip(2))
    with closing(open_cache(directory)) as cache:
        *_, last = cache.verify()
        assert last.dropped == 2
        assert {use.fingerprint: use.vectors for use in cache.stats().fingerprints} == {FINGERPRINT: 600, OTHER: 299}
        assert cache.get_previews([digest(500), digest(30)]) == [b"jpeg500", None]


def test_a_value_of_a_wrong_length_is_dropped_although_its_checksum_holds(directory: Path) -> None:
    """A vector that is longer than its siblings is no vector of that trunk, whichever trunk it is."""

    def lengthen(key: bytes) -> Callable[[bytearray], object]:
        def alter(value: bytearray) -> None:
            value[:] = seal(key, bytes(value[:-4]) + b"more")

        return alter

    for key in (FINGERPRINT + digest(1), OTHER + digest(401)):
        change(directory, "vectors", key, lengthen(key))
    with closing(open_cache(directory)) as cache:
        *_, last = cache.verify()
        assert last.dropped == 2


def test_a_preview_without_a_vector_is_dropped(directory: Path) -> None:
    """A preview that nothing would ever evict goes, without counting as corrupt."""
    key = digest(9999)
    change(directory, "previews", key, lambda value: value.extend(seal(key, b"jpeg")))
    with closing(open_cache(directory)) as cache:
        *_, last = cache.verify()
        assert (last.dropped, cache.stats().corrupt, cache.stats().previews) == (0, 0, 700)


@pytest.mark.parametrize("count", [599, 2**63, 0])
def test_wrong_counts_are_put_right(directory: Path, count: int) -> None:
    """A count that disagrees with what is there is counted anew."""
    change(directory, "counts", FINGERPRINT, lambda value: value.__setitem__(slice(None), count.to_bytes(8, "little")))
    change(directory, "counts", b"z" * 16, lambda value: value.extend((7).to_bytes(8, "little")))
    with closing(open_cache(directory)) as cache:
        list(cache.verify())
        assert {use.fingerprint: use.vectors for use in cache.stats().fingerprints} == {FINGERPRINT: 600, OTHER: 300}
        assert cache.stats().previews == 700


def test_counts_that_are_wrong_by_as_much_in_both_directions_are_put_right(directory: Path) -> None:
    """One fingerprint's count too low by as much as the other's is too high is found if nobody writes meanwhile."""
    for fingerprint, count in ((FINGERPRINT, 590), (OTHER, 310)):
        change(
            directory,
            "counts",
            fingerprint,
            lambda value, count=count: value.__setitem__(slice(None), count.to_bytes(8, "little")),  # type: ignore[misc] # bound at once
        )
    with closing(open_cache(directory)) as cache:
        list(cache.verify())
        assert {use.fingerprint: use.vectors for use in cache.stats().fingerprints} == {FINGERPRINT: 600, OTHER: 300}


def test_others_write_evict_and_close_between_the_steps(directory: Path) -> None:
    """Entries that come and go meanwhile confuse nothing, and damage is found beside them."""
    change(directory, "vectors", FINGERPRINT + digest(7), flip(9))
    change(directory, "vectors", FINGERPRINT + digest(8), flip(9))
    with closing(open_cache(directory)) as cache:
        number = 10_000
        for step in cache.verify():
            assert step.total == 1600  # as at the beginning
            cache.put_many([entry(number)])
            number += 1
        assert cache.contains_many([digest(number) for number in (7, 8, 9, 10_000)]) == [False, False, True, True]
        assert cache.stats().entries == 598 + number - 10_000
        steps = cache.verify()
        next(steps)
        steps.close()
        assert sum(use.vectors for use in cache.stats().fingerprints) == cache.stats().entries_total
    assert lmdb.verify.verify(str(directory)) == []
