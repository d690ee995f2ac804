"""The way of one picture: cached, computed, shared with others, or wrong."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import pytest
from gates import SOON_S
from pipeline_bench import expected_vector

from graft.errors import DataLossError, InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline_bench import Bench

    from feature_extractor.cache.records import Vector


def test_a_new_picture_is_computed_stored_and_cached(bench: Bench) -> None:
    """The vector belongs to the picture's digest, is stored with its preview, and is not computed a second time."""
    content = b"a picture"
    (picture,) = bench.pending(content, durable=True)
    first = picture.futures[0].result(SOON_S)
    assert picture.digest == first.key == hashlib.sha256(content).digest()
    assert first.vector.tolist() == expected_vector(content)
    assert not first.cached
    assert bench.disk.previews == {first.key: b"preview of a picture"}
    (again,) = bench.call(content)
    assert again.done()
    assert again.result().cached
    assert again.result().vector.tolist() == first.vector.tolist()
    assert bench.computed == [ord("a")]


def test_cached_pictures_touch_neither_pool_nor_trunk(bench: Bench) -> None:
    """A message of cached pictures is answered in the caller's thread, in order, with everything else held up."""
    contents = [bytes([value]) * 10 for value in range(1, 65)]
    for future in bench.call(*contents, durable=True):
        future.result(SOON_S)
    bench.pool.close()
    bench.batcher.close()
    futures = bench.call(*contents, durable=True)
    assert [future.result(0).vector[0] for future in futures] == list(range(1, 65))
    assert bench.extraction.stats().cached == 64


def test_a_bad_picture_never_fails_its_neighbours(bench: Bench) -> None:
    """Each error stays with its own picture and names its digest; the others get their vectors, in order."""
    contents = [b"1", b"bad", b"", b"2", b"x" * 101, b"3"]
    futures = bench.call(*contents)
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
    futures = [*bench.call(b"same", b"same", b"other"), *bench.call(b"same")]
    bench.trunk.open()
    assert [future.result(SOON_S).vector[0] for future in futures] == [ord(letter) for letter in "ssos"]
    assert sorted(bench.decoded) == [b"other", b"same"]
    assert (bench.extraction.stats().joined, bench.extraction.stats().computed) == (2, 2)


def overtake_next_look_up(bench: Bench, content: bytes) -> None:
    """Have an identical picture computed and stored between the next call's look-up and what follows it."""
    look_up = bench.disk.get_many

    def land_meanwhile(keys: Sequence[bytes], *, counted: bool) -> list[Vector | None]:
        missed = look_up(keys, counted=counted)
        bench.disk.get_many = look_up  # type: ignore[method-assign]  # only the first look-up is overtaken
        bench.call(content, durable=True)[0].result(SOON_S)
        return missed

    bench.disk.get_many = land_meanwhile  # type: ignore[method-assign]  # as above


def test_a_picture_stored_between_look_up_and_flight_is_not_computed_again(bench: Bench) -> None:
    """A call that missed the cache just before an identical picture landed is answered from the cache."""
    overtake_next_look_up(bench, b"1")
    overtaken = bench.call(b"1")[0].result(SOON_S)
    assert overtaken.cached
    assert bench.computed == [ord("1")]
    bench.await_nothing_under_way()


DAMAGED = DataLossError("the disk is gone", reason="CACHE_DAMAGED")


def test_a_closed_cache_fails_the_call(bench: Bench) -> None:
    """The extractor is stopping: its error is the call's, and nothing was begun."""
    bench.disk.read_failure = UnavailableError("the cache is closed", reason="CACHE_CLOSED")
    with pytest.raises(UnavailableError, match="closed"):
        bench.call(b"1")
    assert bench.extraction.stats().in_flight == 0


def test_while_the_cache_cannot_be_read_answers_go_on_uncached(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """What is asked for is computed, and the log tells once that it cannot be read and once that it can again."""
    bench.call(b"1", durable=True)[0].result(SOON_S)
    bench.disk.read_failure = DAMAGED
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            (future,) = bench.call(b"1")
            assert future.result(SOON_S).vector.tolist() == expected_vector(b"1")
            assert not future.result().cached
            bench.await_nothing_under_way()
        bench.disk.read_failure = None
        assert bench.call(b"1")[0].result(SOON_S).cached
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "the disk is gone" in caplog.text


def test_a_cache_that_cannot_be_read_a_second_time_costs_a_computation(bench: Bench) -> None:
    """If the look-up of the computing thread fails, the picture is computed all the same."""
    bench.decoder.shut()
    bench.call(b"first")
    bench.decoder.await_arrival()
    bench.disk.at_once = False
    look_up = bench.disk.get_many

    def land_and_break(keys: Sequence[bytes], *, counted: bool) -> list[Vector | None]:
        missed = look_up(keys, counted=counted)
        bench.disk.get_many = look_up  # type: ignore[method-assign]  # only the first look-up is overtaken
        bench.decoder.open()
        assert bench.disk.queued.acquire(timeout=SOON_S)
        bench.disk.flush()
        bench.disk.at_once = True
        bench.disk.read_failure = DAMAGED
        return missed

    bench.disk.get_many = land_and_break  # type: ignore[method-assign]  # as above
    (second,) = bench.call(b"second")
    assert second.result(SOON_S).vector.tolist() == expected_vector(b"second")
    bench.await_nothing_under_way()
