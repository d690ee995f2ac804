"""Group commit: who is told what and when."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.cache.records import Entry
from feature_extractor.cache.writer import GroupCommitWriter
from graft.errors import ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

SOON_S = 10.0


def entry(number: int) -> Entry:
    """What a picture's number makes of it."""
    return Entry(number.to_bytes(32, "big"), np.zeros(1, np.float32))


class Disk:
    """A commit function that can be held up, remembers its groups, and refuses the entries named."""

    def __init__(self, *, refuses: frozenset[int] = frozenset()) -> None:
        self.groups: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self._refuses = refuses

    def commit(self, entries: Sequence[Entry]) -> None:
        """Wait for `go`, then take the group or refuse it."""
        self.entered.release()
        assert self.go.acquire(timeout=SOON_S)
        numbers = [int.from_bytes(each.digest, "big") for each in entries]
        if self._refuses.intersection(numbers):
            raise ResourceExhaustedError("full", reason="CACHE_FULL")
        self.groups.append(numbers)

    def allow(self, commits: int) -> None:
        """Let this many commits pass."""
        self.go.release(commits)


def test_a_future_is_done_after_its_commit_and_not_before() -> None:
    """An entry is not acknowledged while its commit is under way."""
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, gather_s=0)
    future = writer.submit(entry(1))
    assert disk.entered.acquire(timeout=SOON_S)
    assert not future.done()
    disk.allow(1)
    assert future.result(SOON_S) is None
    writer.close()


def test_what_comes_during_a_commit_shares_the_next_one_in_order() -> None:
    """Entries gather while the disk is busy and are committed together, in order, up to the group's size."""
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, max_entries=3, gather_s=0)
    futures = [writer.submit(entry(0))]
    assert disk.entered.acquire(timeout=SOON_S)
    futures += [writer.submit(entry(number)) for number in range(1, 6)]
    disk.allow(3)
    for future in futures:
        future.result(SOON_S)
    writer.close()
    assert disk.groups == [[0], [1, 2, 3], [4, 5]]


def test_a_full_group_does_not_wait_for_more() -> None:
    """The time to gather, however long, ends when the group is full."""
    disk = Disk()
    disk.allow(1)
    writer = GroupCommitWriter(disk.commit, max_entries=2, gather_s=3600)
    futures = [writer.submit(entry(1)), writer.submit(entry(2))]
    for future in futures:
        future.result(SOON_S)
    writer.close()
    assert disk.groups == [[1, 2]]


def test_a_failed_commit_fails_its_own_entries_only() -> None:
    """The entries of a refused group get the error; the next group is written."""
    disk = Disk(refuses=frozenset({1}))
    writer = GroupCommitWriter(disk.commit, gather_s=0)
    failing = writer.submit(entry(1))
    assert disk.entered.acquire(timeout=SOON_S)
    good = writer.submit(entry(2))
    disk.allow(2)
    with pytest.raises(ResourceExhaustedError, match="full"):
        failing.result(SOON_S)
    good.result(SOON_S)
    writer.close()
    assert disk.groups == [[2]]


def test_closing_writes_what_is_queued() -> None:
    """Close returns when every entry that was taken is committed, however long the time to gather."""
    disk = Disk()
    disk.allow(10)
    writer = GroupCommitWriter(disk.commit, gather_s=3600)
    futures = [writer.submit(entry(number)) for number in range(5)]
    writer.close()
    assert all(future.done() for future in futures)
    assert [number for group in disk.groups for number in group] == [0, 1, 2, 3, 4]
    with pytest.raises(UnavailableError, match="stopping"):
        writer.submit(entry(6))
    writer.close()


def test_a_full_queue_holds_the_caller_until_there_is_room() -> None:
    """Submit blocks at capacity and goes on after the next commit has made room."""
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, max_entries=1, gather_s=0, capacity=1)
    writer.submit(entry(0))
    assert disk.entered.acquire(timeout=SOON_S)
    writer.submit(entry(1))
    passed = threading.Event()

    def submit_third() -> None:
        writer.submit(entry(2)).result(SOON_S)
        passed.set()

    third = threading.Thread(target=submit_third)
    third.start()
    assert not passed.is_set()
    disk.allow(3)
    assert passed.wait(SOON_S)
    third.join()
    writer.close()
    assert disk.groups == [[0], [1], [2]]
