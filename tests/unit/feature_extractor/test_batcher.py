"""The batcher: how pictures are grouped, dropped, refused, and what a failing trunk does."""

from __future__ import annotations

import itertools
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.batcher import Batcher, Pixels
from graft.errors import ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from feature_extractor.records import Vector

SOON_S = 10.0


def picture(value: int) -> Pixels:
    """A picture of one colour; its size is of no concern to the batcher."""
    return np.full((2, 2, 3), value, np.uint8)


def wanted() -> bool:
    """Somebody waits for it."""
    return True


class Trunk:
    """Gives each picture's mean twice; can be held up and told to fail; remembers the sizes of its batches."""

    def __init__(self, *, held: bool = False) -> None:
        self.sizes: list[int] = []
        self.failure: Exception | None = None
        self.short = False
        self.entered = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        self._held = held

    def __call__(self, images: Pixels) -> Vector:
        """uint8[n, 2, 2, 3] -> float32[n, 2]."""
        self.sizes.append(len(images))
        self.entered.release()
        if self._held:
            assert self._go.acquire(timeout=SOON_S)
        if self.failure is not None:
            raise self.failure
        means = images.mean(axis=(1, 2, 3), dtype=np.float32)
        return np.stack([means, means], axis=1)[: 1 if self.short else None]

    def allow(self, batches: int) -> None:
        """Let this many batches pass."""
        self._go.release(batches)


def busy(batcher: Batcher, trunk: Trunk) -> Future[Vector]:
    """Give a held trunk one picture and wait until it is in it."""
    future = batcher.submit(picture(0), wanted)
    assert trunk.entered.acquire(timeout=SOON_S)
    return future


def slow_clock() -> Callable[[], float]:
    """A clock that is a million seconds on at each reading, so that every batch seems slow."""
    readings = itertools.count(step=10**6)
    return lambda: float(next(readings))


def test_a_lone_caller_never_waits_for_company() -> None:
    """One picture after the other is run at once, however long the wait for company may be."""
    trunk = Trunk()
    with closing(Batcher(trunk, max_wait_s=3600, clock=slow_clock())) as batcher:
        for value in range(3):
            assert batcher.submit(picture(value), wanted).result(SOON_S).tolist() == [value, value]
    assert trunk.sizes == [1, 1, 1]


def test_what_comes_while_the_trunk_runs_is_the_next_batch() -> None:
    """Pictures gather behind a busy trunk up to max_batch, and each future gets its own picture's vector."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, max_batch=4, max_wait_s=0)) as batcher:
        futures = [busy(batcher, trunk)] + [batcher.submit(picture(value), wanted) for value in range(1, 8)]
        assert batcher.stats().queued == 7
        trunk.allow(3)
        assert [future.result(SOON_S)[0] for future in futures] == list(range(8))
    assert trunk.sizes == [1, 4, 3]
    assert (batcher.stats().batches, batcher.stats().pictures) == (3, 8)


def test_after_a_batch_of_several_the_first_to_come_back_waits_for_the_others() -> None:
    """Callers answered together are batched together again: the first of them waits, and no longer than needed."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, max_wait_s=3600, clock=slow_clock())) as batcher:
        first = busy(batcher, trunk)
        pair = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        trunk.allow(3)
        assert [future.result(SOON_S)[0] for future in (first, *pair)] == [0, 1, 2]
        assert trunk.entered.acquire(timeout=SOON_S)
        early = batcher.submit(picture(3), wanted)
        assert not trunk.entered.acquire(timeout=0.2)
        late = batcher.submit(picture(4), wanted)
        assert [early.result(SOON_S)[0], late.result(SOON_S)[0]] == [3, 4]
    assert trunk.sizes == [1, 2, 2]


def test_a_failing_trunk_fails_its_batch_and_goes_on() -> None:
    """The pictures of a failed batch get the trunk's exception; the next picture is computed."""
    trunk = Trunk()
    trunk.failure = RuntimeError("out of memory")
    with closing(Batcher(trunk)) as batcher:
        with pytest.raises(RuntimeError, match="out of memory"):
            batcher.submit(picture(1), wanted).result(SOON_S)
        trunk.failure = None
        assert batcher.submit(picture(2), wanted).result(SOON_S)[0] == 2
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
    with closing(Batcher(trunk, max_batch=2, max_wait_s=0)) as batcher:
        busy(batcher, trunk)
        cancelled = batcher.submit(picture(1), wanted)
        unwanted = batcher.submit(picture(2), lambda: False)
        kept = [batcher.submit(picture(value), wanted) for value in (3, 4)]
        cancelled.cancel()
        trunk.allow(2)
        assert [future.result(SOON_S)[0] for future in kept] == [3, 4]
        assert unwanted.cancelled()
        assert batcher.stats().dropped == 2
    assert trunk.sizes == [1, 2]


def test_a_full_queue_refuses_with_the_time_it_takes_to_empty() -> None:
    """Past its capacity the batcher raises ResourceExhaustedError; retry_after_s is queue length times pace."""
    trunk = Trunk(held=True)
    ticks = iter(range(0, 1000, 3))
    with closing(Batcher(trunk, capacity=2, max_wait_s=0, clock=lambda: float(next(ticks)))) as batcher:
        assert batcher.estimate_wait_s(5) == 1.0
        trunk.allow(1)
        busy(batcher, trunk).result(SOON_S)
        busy(batcher, trunk)
        waiting = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        with pytest.raises(ResourceExhaustedError, match="retry later") as refused:
            batcher.submit(picture(3), wanted)
        assert refused.value.retry_after_s == 6.0
        trunk.allow(2)
        assert [future.result(SOON_S)[0] for future in waiting] == [1, 2]
        assert batcher.stats().refused == 1


def test_batches_are_observed_with_size_and_seconds() -> None:
    """The observer is told of each batch that ran."""
    seen: list[tuple[int, float]] = []
    ticks = iter((1.0, 1.5))
    batcher = Batcher(Trunk(), observe=lambda size, seconds: seen.append((size, seconds)), clock=lambda: next(ticks))
    batcher.submit(picture(1), wanted).result(SOON_S)
    batcher.close()
    assert seen == [(1, 0.5)]


def test_a_vector_is_a_copy_that_nobody_can_change() -> None:
    """Vectors are read-only and do not keep their batch alive, since several callers may share one."""
    with closing(Batcher(Trunk())) as batcher:
        vector = batcher.submit(picture(1), wanted).result(SOON_S)
    assert vector.base is None
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


def test_closing_fails_what_waits_and_lets_the_running_batch_finish() -> None:
    """Close answers everybody: the batch in the trunk with vectors, the queue with UnavailableError."""
    trunk = Trunk(held=True)
    batcher = Batcher(trunk)
    running = busy(batcher, trunk)
    waiting = batcher.submit(picture(1), wanted)
    closer = threading.Thread(target=batcher.close)
    closer.start()
    with pytest.raises(UnavailableError, match="stopping"):
        waiting.result(SOON_S)
    trunk.allow(1)
    assert running.result(SOON_S)[0] == 0
    closer.join(SOON_S)
    assert not closer.is_alive()
    with pytest.raises(UnavailableError, match="stopping"):
        batcher.submit(picture(2), wanted)
