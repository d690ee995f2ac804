"""The job runner across stops and starts: nothing stays RUNNING, nothing queued is lost."""

from __future__ import annotations

import queue
import sqlite3
import threading
from typing import TYPE_CHECKING

import numpy as np

from trainer import heads
from trainer.catalog.job_records import JobEvent, JobState
from trainer.catalog.jobs import JobStore
from trainer.jobs import JobRunner
from trainer.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.connection import Catalog
    from trainer.catalog.job_records import Job
    from trainer.registry import Registry

_WAIT_S = 20.0


class FakeWork:
    """Work that goes on until `release` is set or the job is cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.release = threading.Event()

    def check(self, dataset: str) -> None:
        """Refuse nothing."""

    def run(
        self, job: Job, report: Callable[[Progress], None], cancelled: Callable[[], bool], commit: Callable[[], None]
    ) -> int:
        """Report until released."""
        self.started.set()
        while not self.release.wait(0.005):
            report(Progress(Phase.FITTING))
        commit()
        return 1


def _final(runner: JobRunner, job_id: str) -> JobEvent:
    """Wait for a job's end."""
    ended: queue.Queue[JobEvent] = queue.Queue()
    runner.subscribe(job_id, lambda event: ended.put(event) if event.state.final else None)
    return ended.get(timeout=_WAIT_S)


def test_start_settles_what_a_killed_process_left(jobs: JobStore, registry: Registry) -> None:
    """RUNNING jobs become INTERRUPTED, or SUCCEEDED if their version was written; QUEUED ones run."""
    lost, made, waiting = (jobs.create("faces", "faces", {"n": n}) for n in range(3))
    for job in (lost, made):
        jobs.move(job.number, JobState.RUNNING)
    network = heads.Network(np.zeros(2, "f4"), np.ones(2, "f4"), ())
    registry.publish("faces", made.number, network, {})
    work = FakeWork()
    work.release.set()
    runner = JobRunner(jobs, work, registry)
    runner.start()
    assert _final(runner, waiting.job_id).state is JobState.SUCCEEDED
    assert (jobs.get(lost.job_id).state, jobs.get(lost.job_id).reason) == (JobState.INTERRUPTED, "JOB_INTERRUPTED")
    assert "again" in jobs.get(lost.job_id).message
    assert (jobs.get(made.job_id).state, jobs.get(made.job_id).version) == (JobState.SUCCEEDED, 1)
    assert runner.stop(_WAIT_S)


def test_stop_interrupts_the_running_job_and_keeps_the_queue(jobs: JobStore, registry: Registry) -> None:
    """After a stop nothing is RUNNING, and what was QUEUED still is."""
    work = FakeWork()
    runner = JobRunner(jobs, work, registry)
    runner.start()
    running, queued = runner.create("faces"), runner.create("faces")
    assert work.started.wait(_WAIT_S)
    assert runner.stop(_WAIT_S)
    assert jobs.get(running.job_id).state is JobState.INTERRUPTED
    assert jobs.get(queued.job_id).state is JobState.QUEUED


class FlakyStore(JobStore):
    """A job store whose disk is full for the next `failures` of what the test names; `failed` counts them."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.failures: dict[JobState, int] = {}
        self.failed: queue.Queue[JobState] = queue.Queue()

    def move(
        self, number: int, state: JobState, *, reason: str = "", message: str = "", version: int = 0
    ) -> JobEvent | None:
        """Fail if the disk is full, or move the job."""
        if self.failures.get(state, 0):
            self.failures[state] -= 1
            self.failed.put(state)
            raise sqlite3.OperationalError("database or disk is full")
        return super().move(number, state, reason=reason, message=message, version=version)


def test_an_end_is_recorded_once_the_disk_has_room(catalog: Catalog, registry: Registry) -> None:
    """A job whose start and end cannot be written at first is tried again, and only then the next one runs."""
    store, work = FlakyStore(catalog), FakeWork()
    store.failures = {JobState.RUNNING: 2, JobState.SUCCEEDED: 3}
    work.release.set()
    runner = JobRunner(store, work, registry, retry_s=0.01)
    runner.start()
    first, second = runner.create("faces"), runner.create("faces")
    assert _final(runner, second.job_id).state is JobState.SUCCEEDED
    assert store.get(first.job_id).state is JobState.SUCCEEDED
    assert store.failed.qsize() == 5
    assert runner.stop(_WAIT_S)


def test_a_stop_ends_the_attempts(catalog: Catalog, registry: Registry) -> None:
    """While the disk stays full a stop still ends the thread, and the next start settles the job."""
    store, work = FlakyStore(catalog), FakeWork()
    store.failures = {JobState.SUCCEEDED: 1_000_000, JobState.INTERRUPTED: 1_000_000}
    work.release.set()
    runner = JobRunner(store, work, registry, retry_s=3600.0)
    runner.start()
    job = runner.create("faces")
    assert store.failed.get(timeout=_WAIT_S) is JobState.SUCCEEDED
    assert runner.stop(_WAIT_S)
    assert store.get(job.job_id).state is JobState.RUNNING
    store.failures.clear()
    again = JobRunner(store, work, registry)
    again.start()
    assert store.get(job.job_id).state is JobState.INTERRUPTED
    assert again.stop(_WAIT_S)


def test_a_stop_that_cannot_be_recorded_at_first_is_an_interruption(catalog: Catalog, registry: Registry) -> None:
    """A running job that a stop interrupts is INTERRUPTED even if writing so failed once."""
    store, work = FlakyStore(catalog), FakeWork()
    store.failures = {JobState.INTERRUPTED: 1}
    runner = JobRunner(store, work, registry, retry_s=0.01)
    runner.start()
    job = runner.create("faces")
    assert work.started.wait(_WAIT_S)
    assert runner.stop(_WAIT_S)
    assert store.get(job.job_id).state is JobState.INTERRUPTED
