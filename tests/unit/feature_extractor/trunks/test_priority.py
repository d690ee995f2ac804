"""Who comes first where trunk and calls share the processors."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from feature_extractor.trunks.priority import STEP, step_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priorities for threads")


def niceness() -> int:
    """Of the thread that asks."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def niceness_of_a_child() -> int:
    """Of a thread that the asking one starts."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(niceness).result()


def test_a_thread_and_its_children_step_back_and_nobody_else() -> None:
    """An engine's pool is made of children of the thread that loads it."""
    before = niceness()
    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        assert pool.submit(niceness).result() == min(before + STEP, 19)
        assert pool.submit(niceness_of_a_child).result() == min(before + STEP, 19)
    assert niceness() == before


def test_nobody_is_nicer_than_can_be() -> None:
    """A process that was started with `nice -n 19` starts, too."""

    def many_times() -> int:
        for _ in range(10):
            step_back()
        return niceness()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(many_times).result() == 19
