"""The thread that does something again and again."""

from __future__ import annotations

import threading

from feature_extractor.cache.repeating import Repeating

SOON_S = 10.0


def test_repeated_work_goes_on_until_it_is_stopped() -> None:
    """The work is done again and again, and not any more once `stop` has returned; stopping again does nothing."""
    done = threading.Semaphore(0)
    repeating = Repeating(done.release, every_s=0.001, name="test")
    for _ in range(3):
        assert done.acquire(timeout=SOON_S)
    repeating.stop()
    repeating.stop()
    while done.acquire(blocking=False):
        pass
    assert not done.acquire(timeout=0.02)


def test_the_first_time_can_be_at_once() -> None:
    """Nobody waits for the time between."""
    done = threading.Semaphore(0)
    repeating = Repeating(done.release, every_s=3600.0, name="test", at_once=True)
    assert done.acquire(timeout=SOON_S)
    repeating.stop()
    assert not done.acquire(blocking=False)
