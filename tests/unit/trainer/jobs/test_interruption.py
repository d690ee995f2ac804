"""Ending work that waits for somebody else."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Event, Thread

import pytest

from graft.errors import CancelledError
from trainer.jobs.interruption import interruptible, wait_for


def test_a_wait_ends_when_the_work_is_to_end() -> None:
    """What is waited for is told that nobody wants it any more."""
    future: Future[int] = Future()
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise CancelledError("enough", reason="JOB_CANCELLED")

    with interruptible(check), pytest.raises(CancelledError):
        wait_for(future)
    assert future.cancelled()


def test_results_and_errors_come_through() -> None:
    """With and without somebody who may end the work."""
    done, failed, later = Future[int](), Future[int](), Future[int]()
    done.set_result(3)
    failed.set_exception(TimeoutError("its own"))
    looked = Event()

    def answer() -> None:
        looked.wait(10)
        later.set_result(4)

    Thread(target=answer).start()
    assert wait_for(done) == 3
    with interruptible(looked.set):
        assert wait_for(done) == 3
        assert wait_for(later) == 4
        with pytest.raises(TimeoutError, match="its own"):
            wait_for(failed)
