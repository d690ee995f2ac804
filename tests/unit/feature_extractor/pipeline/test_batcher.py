"""The batcher: how pictures are grouped, dropped, timed, and what a failing trunk does."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from gates import SOON_S
from held_trunk import Trunk, busy, frozen, picture, slow_clock, value_of, wanted

from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.lanes import Lane
from graft.errors import UnavailableError


def test_a_lone_caller_never_waits_for_company() -> None:
    """One picture after the other is run at once, however long the wait for company may be."""
    trunk = Trunk()
    with closing(Batcher(trunk, max_wait_s=3600, clock=slow_clock())) as batcher:
        for value in range(3):
            assert batcher.submit(picture(value), wanted).result(SOON_S).vector.tolist() == [value, value]
    assert trunk.batches == [[0], [1], [2]]


def test_what_comes_while_the_trunk_runs_is_the_next_batch() -> None:
    """Pictures gather behind a busy trunk up to the largest size, and each future gets its own picture's vector."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2, 4), max_wait_s=0, clock=frozen)) as batcher:
        futures = [busy(batcher, trunk)] + [batcher.submit(picture(value), wanted) for value in range(1, 8)]
        assert batcher.stats().queued == 7
        trunk.allow(4)
        assert [value_of(future) for future in futures] == list(range(8))
    assert trunk.batches == [[0], [1, 2, 3, 4], [5, 6], [7]]
    assert (batcher.stats().batches, batcher.stats().pictures) == (4, 8)


def test_after_a_batch_of_several_the_first_to_come_back_waits_for_the_others() -> None:
    """Callers answered together are batched together again: the first of them waits, and no longer than needed."""
    trunk = Trunk(held=True)
    batcher = Batcher(trunk, sizes=(1, 2), max_batch_s=1e12, max_wait_s=3600, clock=slow_clock())
    with closing(batcher):
        first = busy(batcher, trunk)
        pair = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        trunk.allow(3)
        assert [value_of(future) for future in (first, *pair)] == [0, 1, 2]
        trunk.await_entry()
        early = batcher.submit(picture(3), wanted)
        assert not trunk.entered.acquire(timeout=0.2)
        late = batcher.submit(picture(4), wanted)
        assert [value_of(early), value_of(late)] == [3, 4]
    assert trunk.batches == [[0], [1, 2], [3, 4]]


def test_a_failing_trunk_fails_its_batch_and_goes_on() -> None:
    """The pictures of a failed batch get the trunk's exception; the next picture is computed."""
    trunk = Trunk()
    trunk.failure = RuntimeError("out of memory")
    with closing(Batcher(trunk)) as batcher:
        with pytest.raises(RuntimeError, match="out of memory"):
            batcher.submit(picture(1), wanted).result(SOON_S)
        trunk.failure = None
        assert value_of(batcher.submit(picture(2), wanted)) == 2
        assert batcher.stats().failed_batches == 1


def test_a_trunk_that_loses_a_picture_is_found_out() -> None:
    """Fewer vectors than pictures fail the whole batch instead of mixing pictures up."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, max_wait_s=0)) as batcher:
        first = busy(batcher, trunk)
        futures = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        trunk.short = True
        trunk.allow(2)
        first.result(SOON_S)
        for future in futures:
            with pytest.raises(RuntimeError, match="1 vectors for 2 pictures"):
                future.result(SOON_S)


def test_pictures_nobody_wants_any_more_are_dropped_before_the_trunk() -> None:
    """Cancelled and unwanted pictures never reach the trunk, and others fill their places in the batch."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2), max_wait_s=0, clock=frozen)) as batcher:
        busy(batcher, trunk)
        cancelled = batcher.submit(picture(1), wanted)
        unwanted = batcher.submit(picture(2), lambda: False)
        kept = [batcher.submit(picture(value), wanted) for value in (3, 4)]
        cancelled.cancel()
        trunk.allow(2)
        assert [value_of(future) for future in kept] == [3, 4]
        assert unwanted.cancelled()
    assert trunk.batches == [[0], [3, 4]]


def test_the_wait_is_estimated_by_what_batches_have_cost() -> None:
    """Nothing is known before the first batch; then it is the number of pictures times the pace."""
    ticks = iter(range(0, 1000, 3))
    batcher = Batcher(Trunk(), max_wait_s=0, clock=lambda: float(next(ticks)))
    assert batcher.estimate_wait_s(5) == 0.0
    batcher.submit(picture(1), wanted).result(SOON_S)
    batcher.close()
    assert batcher.estimate_wait_s(5) == 15.0
    assert batcher.stats().seconds_per_picture == 3.0


def test_each_picture_is_told_how_long_it_waited_and_how_long_its_batch_took() -> None:
    """The wait is from submit to the batch's beginning, the trunk's time that of the whole batch."""
    now = [0.0]
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, max_wait_s=0, clock=lambda: now[0])) as batcher:
        first = busy(batcher, trunk)
        now[0] = 1.0
        second = batcher.submit(picture(1), wanted)
        now[0] = 5.0
        trunk.allow(1)
        assert (first.result(SOON_S).waited_s, first.result().trunk_s) == (0.0, 5.0)
        trunk.await_entry()
        now[0] = 7.0
        trunk.allow(1)
        assert (second.result(SOON_S).waited_s, second.result().trunk_s) == (4.0, 2.0)


def test_batches_are_observed_with_size_and_seconds() -> None:
    """The observer is told of each batch that ran."""
    seen: list[tuple[int, float]] = []
    ticks = iter((0.5, 1.0, 1.5))
    batcher = Batcher(Trunk(), observe=lambda size, seconds: seen.append((size, seconds)), clock=lambda: next(ticks))
    batcher.submit(picture(1), wanted).result(SOON_S)
    batcher.close()
    assert seen == [(1, 0.5)]


def test_a_vector_is_a_copy_that_nobody_can_change() -> None:
    """Vectors are read-only and do not keep their batch alive, since several callers may share one."""
    with closing(Batcher(Trunk())) as batcher:
        vector = batcher.submit(picture(1), wanted).result(SOON_S).vector
    assert vector.base is None
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


def test_closing_fails_what_waits_and_lets_the_running_batch_finish() -> None:
    """Close answers everybody: the batch in the trunk with vectors, the queue with UnavailableError."""
    trunk = Trunk(held=True)
    batcher = Batcher(trunk)
    running = busy(batcher, trunk)
    waiting = [batcher.submit(picture(1), wanted, lane) for lane in Lane]
    closer = threading.Thread(target=batcher.close)
    closer.start()
    for future in waiting:
        with pytest.raises(UnavailableError, match="stopping"):
            future.result(SOON_S)
    trunk.allow(1)
    assert value_of(running) == 0
    closer.join(SOON_S)
    assert not closer.is_alive()
    with pytest.raises(UnavailableError, match="stopping"):
        batcher.submit(picture(2), wanted)
