"""The way of one picture: cached, computed, shared with others, or wrong."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.records import Vector
    from tests.unit.feature_extractor.conftest import Bench

SOON_S = 10.0


def test_a_new_picture_is_computed_stored_and_cached(bench: Bench) -> None:
    """The vector belongs to the picture's digest, is stored with its preview, and is not computed a second time."""
    content = b"a picture"
    first = bench.extraction.extract(content, durable=True).result(SOON_S)
    assert first.digest == hashlib.sha256(content).digest()
    assert first.vector.tolist() == [ord("a")] * 3
    assert not first.cached
    assert bench.disk.previews == {first.digest: b"preview of a picture"}
    again = bench.extraction.extract(content)
    assert again.done()
    assert again.result().cached
    assert again.result().vector.tolist() == first.vector.tolist()
    assert bench.computed == [ord("a")]


def test_cached_pictures_touch_neither_pool_nor_trunk(bench: Bench) -> None:
    """A message of cached pictures is answered in the caller's thread, in order, with everything else held up."""
    contents = [bytes([value]) * 10 for value in range(1, 65)]
    for future in bench.extraction.extract_many(contents, durable=True):
        future.result(SOON_S)
    bench.pool.shutdown()
    bench.batcher.close()
    futures = bench.extraction.extract_many(contents, durable=True)
    assert [future.result(0).vector[0] for future in futures] == list(range(1, 65))
    assert bench.extraction.stats().cached == 64


def test_a_bad_picture_never_fails_its_neighbours(bench: Bench) -> None:
    """Each error stays with its own picture and names its digest; the others get their vectors, in order."""
    contents = [b"1", b"bad", b"", b"2", b"x" * 101, b"3"]
    futures = bench.extraction.extract_many(contents)
    assert [futures[index].result(SOON_S).vector[0] for index in (0, 3, 5)] == [ord("1"), ord("2"), ord("3")]
    for index, reason in ((1, "UNSUPPORTED_FORMAT"), (2, "EMPTY_IMAGE"), (4, "IMAGE_TOO_LARGE")):
        with pytest.raises(InvalidArgumentError) as refused:
            futures[index].result(SOON_S)
        assert refused.value.reason == reason
        assert refused.value.metadata["digest"] == hashlib.sha256(contents[index]).hexdigest()
    assert bench.extraction.stats().invalid == 3


def test_identical_pictures_under_way_are_computed_once(bench: Bench) -> None:
    """Callers of the same bytes, in one call and in several, share one decoding and one place in the trunk."""
    bench.trunk.shut()
    futures = [*bench.extraction.extract_many([b"same", b"same", b"other"]), bench.extraction.extract(b"same")]
    bench.trunk.open()
    assert [future.result(SOON_S).vector[0] for future in futures] == [ord(letter) for letter in "ssos"]
    assert sorted(bench.decoded) == [b"other", b"same"]
    assert (bench.extraction.stats().joined, bench.extraction.stats().computed) == (2, 2)


def test_a_picture_stored_between_look_up_and_flight_is_not_computed_again(bench: Bench) -> None:
    """A call that missed the cache just before an identical picture landed is answered from the cache."""
    content = b"1"
    look_up = bench.disk.get_many

    def land_meanwhile(digests: Sequence[bytes]) -> list[Vector | None]:
        missed = look_up(digests)
        bench.disk.get_many = look_up  # type: ignore[method-assign]  # only the first look-up is overtaken
        bench.extraction.extract(content, durable=True).result(SOON_S)
        return missed

    bench.disk.get_many = land_meanwhile  # type: ignore[method-assign]  # as above
    overtaken = bench.extraction.extract(content).result(SOON_S)
    assert overtaken.cached
    assert bench.computed == [ord("1")]
