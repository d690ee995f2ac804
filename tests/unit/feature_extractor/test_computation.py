"""What becomes of a picture under way when time, places, disk or trunk run out, and when the extractor stops."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import DeadlineExceededError, ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.feature_extractor.conftest import Bench

SOON_S = 10.0


def test_one_caller_leaving_does_not_fail_the_others(bench: Bench) -> None:
    """The first caller cancels or runs out of time; the one that joined it still gets the vector."""
    bench.trunk.shut()
    bench.extraction.extract(b"keeps the trunk busy")
    bench.trunk.await_arrival()
    cancelled = bench.extraction.extract(b"1")
    expiring = bench.extraction.extract(b"2", deadline=5.0)
    patient = [bench.extraction.extract(b"1"), bench.extraction.extract(b"2", deadline=50.0)]
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
    first = bench.extraction.extract(b"1")
    bench.decoder.await_arrival()
    cancelled = bench.extraction.extract(b"2")
    expired = bench.extraction.extract(b"3", deadline=5.0)
    cancelled.cancel()
    bench.now = 5.0
    bench.decoder.open()
    first.result(SOON_S)
    with pytest.raises(DeadlineExceededError):
        expired.result(SOON_S)
    bench.pool.shutdown()
    assert bench.decoded == [b"1"]
    assert bench.extraction.stats().dropped == 2
    assert bench.extraction.stats().in_flight == 0


def test_a_picture_nobody_waits_for_is_dropped_before_the_trunk(bench: Bench) -> None:
    """Pictures whose callers left while they waited for the trunk are decoded and not computed."""
    bench.trunk.shut()
    first = bench.extraction.extract(b"1")
    bench.trunk.await_arrival()
    cancelled = bench.extraction.extract(b"2")
    expired = bench.extraction.extract(b"3", deadline=5.0)
    bench.pool.shutdown()
    cancelled.cancel()
    bench.now = 5.0
    bench.trunk.open()
    first.result(SOON_S)
    with pytest.raises(DeadlineExceededError):
        expired.result(SOON_S)
    bench.batcher.close()
    assert len(bench.decoded) == 3
    assert bench.computed == [ord("1")]
    assert bench.extraction.stats().dropped == 2


def test_a_call_without_time_left_begins_nothing(bench: Bench) -> None:
    """A deadline that has passed is told at once for what is not cached."""
    bench.now = 5.0
    future = bench.extraction.extract(b"1", deadline=5.0)
    with pytest.raises(DeadlineExceededError):
        future.result(0)
    assert bench.decoded == []


def test_past_the_bound_the_impatient_are_refused_and_the_patient_wait(
    make_bench: Callable[..., Bench],
) -> None:
    """With all places taken, a call is refused with a time to retry, and a stream's picture is computed later."""
    bench = make_bench(capacity=2)
    bench.trunk.shut()
    admitted = bench.extraction.extract_many([b"1", b"2"])
    refused = bench.extraction.extract(b"3")
    waiting = bench.extraction.extract_many([b"4", b"5"], wait=True)
    with pytest.raises(ResourceExhaustedError, match=hashlib.sha256(b"3").hexdigest()) as error:
        refused.result(0)
    assert (error.value.reason, error.value.retry_after_s) == ("QUEUE_FULL", 1.0)
    assert bench.extraction.stats().waiting == 2
    bench.trunk.open()
    assert [future.result(SOON_S).vector[0] for future in (*admitted, *waiting)] == [ord(c) for c in "1245"]
    assert bench.extraction.stats().refused == 1


def test_a_stream_leaves_places_for_calls(make_bench: Callable[..., Bench]) -> None:
    """However much a stream brings, a call beside it is admitted."""
    bench = make_bench(capacity=2, patient_capacity=1)
    bench.trunk.shut()
    stream = bench.extraction.extract_many([b"1", b"2", b"3"], wait=True)
    call = bench.extraction.extract(b"4")
    bench.trunk.open()
    assert call.result(SOON_S).vector[0] == ord("4")
    assert [future.result(SOON_S).vector[0] for future in stream] == [ord(c) for c in "123"]


def test_a_call_is_answered_when_the_vector_exists_and_a_stream_when_it_is_stored(bench: Bench) -> None:
    """Not durable: answered before the commit. Durable: after it, also when it joined before or after the vector."""
    bench.disk.at_once = False
    bench.trunk.shut()
    quick = bench.extraction.extract(b"1")
    durable = [bench.extraction.extract(b"1", durable=True)]
    bench.trunk.open()
    assert quick.result(SOON_S).vector[0] == ord("1")
    assert bench.disk.queued.acquire(timeout=SOON_S)
    durable.append(bench.extraction.extract(b"1", durable=True))
    late = bench.extraction.extract(b"1")
    assert late.done()
    assert [future.done() for future in durable] == [False, False]
    bench.disk.flush()
    assert [future.result(SOON_S).vector[0] for future in durable] == [ord("1")] * 2
    assert bench.computed == [ord("1")]


def test_a_full_disk_fails_durable_answers_only_and_heals(bench: Bench) -> None:
    """CACHE_FULL reaches those who wait for the disk; the others have their vector; later writes are stored again."""
    bench.disk.failure = ResourceExhaustedError("full", reason="CACHE_FULL")
    bench.trunk.shut()
    quick = bench.extraction.extract(b"1")
    durable = bench.extraction.extract(b"1", durable=True)
    bench.trunk.open()
    assert quick.result(SOON_S).vector[0] == ord("1")
    with pytest.raises(ResourceExhaustedError) as error:
        durable.result(SOON_S)
    assert error.value.reason == "CACHE_FULL"
    assert bench.extraction.stats().not_stored == 1
    bench.disk.failure = None
    bench.extraction.extract(b"1", durable=True).result(SOON_S)
    assert bench.extraction.extract(b"1").result(0).cached


def test_a_failing_trunk_fails_its_pictures_and_frees_their_places(make_bench: Callable[..., Bench]) -> None:
    """The trunk's exception reaches each caller of the batch; afterwards there is room and the next picture works."""
    bench = make_bench(capacity=1)
    bench.failure = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        bench.extraction.extract(b"1", wait=True).result(SOON_S)
    bench.failure = None
    assert bench.extraction.extract(b"1", wait=True).result(SOON_S).vector[0] == ord("1")


def test_closing_answers_everybody(make_bench: Callable[..., Bench]) -> None:
    """Under way, in line or new: each future is done after close, and a vector that exists is still written."""
    bench = make_bench(capacity=3, threads=1)
    bench.disk.at_once = False
    stored = bench.extraction.extract(b"0", durable=True)
    assert bench.disk.queued.acquire(timeout=SOON_S)
    bench.decoder.shut()
    under_way = bench.extraction.extract_many([b"1", b"2", b"3"], wait=True)
    assert bench.extraction.stats().waiting == 1
    bench.extraction.close()
    assert bench.extraction.stats().waiting == 0
    under_way.append(bench.extraction.extract(b"4"))
    for future in under_way:
        with pytest.raises(UnavailableError, match="stopping"):
            future.result(0)
    assert not stored.done()
    bench.disk.flush()
    assert stored.result(0).vector[0] == ord("0")


def test_every_place_is_given_back_whatever_becomes_of_the_picture(bench: Bench) -> None:
    """After good, bad, doubled and cancelled pictures nothing is left in flight."""
    contents = [b"1", b"bad", b"2", b"2", b"", b"3"]
    futures = bench.extraction.extract_many(contents, wait=True) + bench.extraction.extract_many(contents)
    futures[5].cancel()
    for future in futures:
        if not future.cancelled():
            future.exception(SOON_S)
    bench.pool.shutdown()
    bench.batcher.close()
    assert bench.extraction.stats().in_flight == 0
    assert len(bench.extraction._flights) == 0
