"""What becomes of a picture under way when time, places, disk or trunk run out, and when the extractor stops."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from gates import SOON_S

from feature_extractor.pipeline.lanes import Lane
from graft.errors import DeadlineExceededError, ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_bench import Bench


def test_one_caller_leaving_does_not_fail_the_others(bench: Bench) -> None:
    """The first caller cancels or runs out of time; the one that joined it still gets the vector."""
    bench.trunk.shut()
    bench.call(b"keeps the trunk busy")
    bench.trunk.await_arrival()
    (cancelled,) = bench.call(b"1")
    (expiring,) = bench.call(b"2", deadline=5.0)
    patient = [*bench.call(b"1"), *bench.call(b"2", deadline=50.0)]
    cancelled.cancel()
    bench.now = 10.0
    bench.trunk.open()
    assert [future.result(SOON_S).vector[0] for future in patient] == [ord("1"), ord("2")]
    with pytest.raises(DeadlineExceededError, match=hashlib.sha256(b"2").hexdigest()):
        expiring.result(SOON_S)


def test_a_picture_nobody_waits_for_is_dropped_before_decoding(make_bench: Callable[..., Bench]) -> None:
    """Cancelled and expired pictures are not decoded, and give their places back."""
    bench = make_bench(threads=1)
    bench.decoder.shut()
    (first,) = bench.call(b"1")
    bench.decoder.await_arrival()
    (cancelled,) = bench.call(b"2")
    (expired,) = bench.call(b"3", deadline=5.0)
    cancelled.cancel()
    bench.now = 5.0
    bench.decoder.open()
    first.result(SOON_S)
    with pytest.raises(DeadlineExceededError):
        expired.result(SOON_S)
    bench.await_nothing_under_way()
    assert bench.decoded == [b"1"]
    assert bench.extraction.stats().dropped == 2


def test_a_picture_nobody_waits_for_is_dropped_before_the_trunk(bench: Bench) -> None:
    """Pictures whose callers left while they waited for the trunk are decoded and not computed."""
    bench.trunk.shut()
    (first,) = bench.call(b"1")
    bench.trunk.await_arrival()
    (cancelled,) = bench.call(b"2")
    (expired,) = bench.call(b"3", deadline=5.0)
    bench.pool.close()
    cancelled.cancel()
    bench.now = 5.0
    bench.trunk.open()
    first.result(SOON_S)
    with pytest.raises(DeadlineExceededError):
        expired.result(SOON_S)
    bench.await_nothing_under_way()
    assert len(bench.decoded) == 3
    assert bench.computed == [ord("1")]
    assert bench.extraction.stats().dropped == 2


def test_what_nobody_waits_for_after_the_trunk_is_counted_and_stored_all_the_same(bench: Bench) -> None:
    """A picture whose caller left while it was in the trunk is wasted, but in the cache for whoever comes next."""
    bench.trunk.shut()
    (left,) = bench.call(b"1")
    bench.trunk.await_arrival()
    left.cancel()
    bench.trunk.open()
    bench.await_nothing_under_way()
    assert (bench.extraction.stats().wasted, bench.extraction.stats().computed) == (1, 1)
    assert bench.call(b"1")[0].result(0).cached


def test_a_call_without_time_left_begins_nothing(bench: Bench) -> None:
    """A deadline that has passed is told at once for what is not cached; what is cached is answered."""
    bench.call(b"known", durable=True)[0].result(SOON_S)
    bench.now = 5.0
    late, known = bench.call(b"1", b"known", deadline=5.0)
    with pytest.raises(DeadlineExceededError):
        late.result(0)
    assert known.result(0).cached
    assert bench.decoded == [b"known"]
    assert bench.extraction.stats().dropped == 1


def test_a_call_is_answered_when_the_vector_exists_and_a_stream_when_it_is_stored(bench: Bench) -> None:
    """Not durable: answered before the commit. Durable: after it, also when it joined before or after the vector."""
    bench.disk.at_once = False
    bench.trunk.shut()
    (quick,) = bench.call(b"1")
    durable = bench.call(b"1", durable=True)
    bench.trunk.open()
    assert quick.result(SOON_S).vector[0] == ord("1")
    assert bench.disk.queued.acquire(timeout=SOON_S)
    durable += bench.call(b"1", durable=True)
    (late,) = bench.call(b"1")
    assert late.done()
    assert [future.done() for future in durable] == [False, False]
    bench.disk.flush()
    assert [future.result(SOON_S).vector[0] for future in durable] == [ord("1")] * 2
    assert bench.computed == [ord("1")]


def test_a_full_disk_fails_durable_answers_only_and_heals(bench: Bench) -> None:
    """CACHE_FULL reaches those who wait for the disk; the others have their vector; later writes are stored again."""
    bench.disk.failure = ResourceExhaustedError("full", reason="CACHE_FULL")
    bench.trunk.shut()
    (quick,) = bench.call(b"1")
    (durable,) = bench.call(b"1", durable=True)
    bench.trunk.open()
    assert quick.result(SOON_S).vector[0] == ord("1")
    with pytest.raises(ResourceExhaustedError) as error:
        durable.result(SOON_S)
    assert error.value.reason == "CACHE_FULL"
    bench.await_nothing_under_way()
    assert bench.extraction.stats().not_stored == 1
    bench.disk.failure = None
    bench.call(b"1", durable=True)[0].result(SOON_S)
    assert bench.call(b"1")[0].result(0).cached


def test_a_failing_trunk_fails_its_pictures_and_frees_their_places(make_bench: Callable[..., Bench]) -> None:
    """The trunk's exception reaches each caller of the batch; afterwards there is room and the next picture works."""
    bench = make_bench(capacity=1)
    bench.failure = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        bench.stream(b"1")[0].result(SOON_S)
    bench.failure = None
    assert bench.stream(b"1")[0].result(SOON_S).vector[0] == ord("1")


def test_closing_answers_everybody(make_bench: Callable[..., Bench]) -> None:
    """Under way, in line or new: each is answered after close, and a vector that exists is still written."""
    bench = make_bench(capacity=4, threads=1)
    bench.disk.at_once = False
    (stored,) = bench.call(b"0", durable=True)
    assert bench.disk.queued.acquire(timeout=SOON_S)
    bench.decoder.shut()
    under_way = bench.stream(b"1", b"2", b"3", b"4")
    assert bench.extraction.stats().waiting == 1
    bench.extraction.close()
    assert bench.extraction.stats().waiting == 0
    for future in under_way:
        with pytest.raises(UnavailableError, match="stopping"):
            future.result(0)
    with pytest.raises(UnavailableError, match="stopping") as refused:
        bench.call(b"5")
    assert refused.value.reason == "SHUTTING_DOWN"
    assert not stored.done()
    bench.disk.flush()
    assert stored.result(0).vector[0] == ord("0")
    bench.decoder.open()
    bench.await_nothing_under_way()
    assert bench.decoded == [b"0"]


def test_a_pool_that_is_closed_fails_what_it_is_given(bench: Bench) -> None:
    """A picture that comes too late for the pool gets UnavailableError and gives its place back."""
    bench.pool.close()
    (late,) = bench.call(b"1", lane=Lane.BULK)
    with pytest.raises(UnavailableError, match="stopping"):
        late.result(0)
    bench.await_nothing_under_way()


def test_a_batcher_that_is_closed_fails_what_it_is_given(bench: Bench) -> None:
    """So does a picture that was decoded too late for the trunk."""
    bench.batcher.close()
    (late,) = bench.call(b"1")
    with pytest.raises(UnavailableError, match="stopping"):
        late.result(SOON_S)
    bench.await_nothing_under_way()


def test_every_place_is_given_back_whatever_becomes_of_the_picture(bench: Bench) -> None:
    """After good, bad, doubled and cancelled pictures nothing is left in flight."""
    contents = [b"1", b"bad", b"2", b"2", b"", b"3"]
    futures = bench.stream(*contents) + bench.call(*contents)
    futures[5].cancel()
    for future in futures:
        if not future.cancelled():
            future.exception(SOON_S)
    bench.await_nothing_under_way()
