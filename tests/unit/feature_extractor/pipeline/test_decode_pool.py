"""Threads that decode: who is first, what a failing job does, what closing means."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from gates import SOON_S, Gate

from feature_extractor.pipeline.decode_pool import DecodePool
from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def note(where: list[str], what: str) -> Callable[[], None]:
    """A job that leaves a note."""
    return lambda: where.append(what)


def held(pool: DecodePool, lane: Lane = Lane.INTERACTIVE) -> Gate:
    """Keep the pool's only thread for this lane busy until the gate is opened."""
    gate = Gate()
    gate.shut()
    assert pool.submit(gate.pass_through, lane)
    gate.await_arrival()
    return gate


def test_interactive_jobs_are_done_first() -> None:
    """What waits is done in the order of the lanes, then of coming."""
    done: list[str] = []
    pool = DecodePool(1)
    gate = held(pool)
    for name, lane in (("b1", Lane.BULK), ("b2", Lane.BULK), ("i1", Lane.INTERACTIVE), ("i2", Lane.INTERACTIVE)):
        assert pool.submit(note(done, name), lane)
    gate.open()
    pool.close()
    assert done == ["i1", "i2", "b1", "b2"]


def test_bulk_jobs_get_their_share() -> None:
    """With many interactive jobs waiting, the ninth is one of the bulk lane."""
    done: list[str] = []
    pool = DecodePool(1)
    gate = held(pool)
    pool.submit(note(done, "bulk"), Lane.BULK)
    for _ in range(20):
        pool.submit(note(done, "interactive"), Lane.INTERACTIVE)
    gate.open()
    pool.close()
    assert done.index("bulk") == 8


def test_a_hastened_job_is_done_before_bulk_ones() -> None:
    """The job with the token overtakes those of the bulk lane."""
    done: list[str] = []
    pool = DecodePool(1)
    gate = held(pool)
    for name in ("b1", "b2", "b3"):
        pool.submit(note(done, name), Lane.BULK, name)
    pool.hasten("b3".__eq__)
    gate.open()
    pool.close()
    assert done == ["b3", "b1", "b2"]


def test_a_reserved_thread_takes_no_bulk_job() -> None:
    """While bulk jobs hold all the threads that they may have, an interactive one is done and no further bulk one."""
    done: list[str] = []
    interactive_done = threading.Event()
    pool = DecodePool(1, reserved=1)
    gate = held(pool, Lane.BULK)
    pool.submit(note(done, "bulk"), Lane.BULK)
    pool.submit(note(done, "interactive"), Lane.INTERACTIVE)
    pool.submit(interactive_done.set, Lane.INTERACTIVE)
    assert interactive_done.wait(SOON_S)
    assert done == ["interactive"]
    gate.open()
    pool.close()
    assert done == ["interactive", "bulk"]


def test_a_hastened_job_wakes_a_reserved_thread() -> None:
    """A bulk job that is hastened while a reserved thread is idle is done at once."""
    hastened = threading.Event()
    pool = DecodePool(1, reserved=1)
    gate = held(pool, Lane.BULK)
    pool.submit(hastened.set, Lane.BULK, "hurry")
    pool.hasten("hurry".__eq__)
    assert hastened.wait(SOON_S)
    gate.open()
    pool.close()


def test_bulk_jobs_have_all_the_other_threads() -> None:
    """Reserved threads come on top: two bulk jobs run at once in a pool of two."""
    both = threading.Barrier(2)
    met = threading.Semaphore(0)

    def meet() -> None:
        both.wait(SOON_S)
        met.release()

    with closing(DecodePool(2, reserved=1)) as pool:
        for _ in range(4):
            pool.submit(meet, Lane.BULK)
        assert all(met.acquire(timeout=SOON_S) for _ in range(4))


def test_jobs_run_side_by_side() -> None:
    """As many jobs as threads are under way at once."""
    both = threading.Barrier(2)
    with closing(DecodePool(2)) as pool:
        waits = [threading.Event(), threading.Event()]
        for event in waits:

            def job(event: threading.Event = event) -> None:
                both.wait(SOON_S)
                event.set()

            pool.submit(job, Lane.BULK)
        assert all(event.wait(SOON_S) for event in waits)


def test_a_job_that_raises_is_logged_and_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """The only thread goes on with the next job."""
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("a fault of the decoder")

    pool = DecodePool(1)
    with caplog.at_level(logging.ERROR):
        pool.submit(fail, Lane.INTERACTIVE)
        pool.submit(note(done, "next"), Lane.INTERACTIVE)
        pool.close()
    assert done == ["next"]
    assert "a fault of the decoder" in caplog.text


def test_closing_does_what_is_queued_and_takes_no_more() -> None:
    """Close returns when the queue is empty; then submit says no; closing again does nothing."""
    done: list[str] = []
    pool = DecodePool(1)
    gate = held(pool)
    for number in range(5):
        pool.submit(note(done, str(number)), Lane.BULK)
    closer = threading.Thread(target=pool.close)
    closer.start()
    gate.open()
    closer.join(SOON_S)
    assert done == ["0", "1", "2", "3", "4"]
    assert not pool.submit(note(done, "late"), Lane.INTERACTIVE)
    pool.close()
    assert "late" not in done
