"""The keys kept in memory: a part of what was added, and never what was discarded."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from feature_extractor.cache.known_keys import KnownKeys


def key(number: int) -> bytes:
    """A key of a vector."""
    return b"f" * 16 + sha256(b"%d" % number).digest()


def add(known: KnownKeys, keys: list[bytes]) -> None:
    """Add with nothing discarded meanwhile."""
    known.add(keys, known.find([])[1])


def found(known: KnownKeys, keys: list[bytes]) -> list[bool]:
    """Which are there."""
    return known.find(keys)[0].tolist()


def test_nearly_all_that_was_added_is_found_however_much_it_is() -> None:
    """The table grows with it; one in ten may be lost, and nothing is found that was not added."""
    known = KnownKeys()
    keys = [key(number) for number in range(50_000)]
    for start in range(0, len(keys), 250):
        add(known, keys[start : start + 250])
    assert sum(found(known, keys)) > 45_000
    assert not any(found(known, [key(number) for number in range(50_000, 60_000)]))


def test_it_is_bounded() -> None:
    """Far more than its places are taken, the latest in the place of others."""
    known = KnownKeys(max_buckets=16)
    keys = [key(number) for number in range(1000)]
    for start in range(0, len(keys), 10):
        add(known, keys[start : start + 10])
    assert 16 < sum(found(known, keys)) <= 16 * 8
    assert sum(found(known, keys[-10:])) > 5


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 60), min_size=1, max_size=30)), max_size=30),
    buckets=st.sampled_from([1, 2, 16]),
)
def test_what_was_discarded_is_not_found(steps: list[tuple[bool, set[int]]], buckets: int) -> None:
    """In whatever order keys are added and discarded, again and several at once, all that is found is there still."""
    known, there = KnownKeys(max_buckets=buckets), set[int]()
    for adding, numbers in steps:
        keys = [key(number) for number in sorted(numbers)]
        if adding:
            add(known, keys)
            there |= numbers
        else:
            known.discard(keys)
            there -= numbers
        everything = found(known, [key(number) for number in range(60)])
        assert {number for number, is_found in enumerate(everything) if is_found} <= there


def test_what_was_found_before_a_discard_is_not_added_after_it() -> None:
    """A reader whose look is older than a deletion would add what is gone."""
    known = KnownKeys()
    _, found_after = known.find([key(1)])
    known.discard([key(1)])
    known.add([key(1), key(2)], found_after)
    assert found(known, [key(1), key(2)]) == [False, False]
