"""The job runner across stops and starts: nothing stays RUNNING, nothing queued is lost."""

from __future__ import annotations

import queue
import sqlite3
import threading
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import UnavailableError
from trainer.catalog.job_records import JobEvent, JobState
from trainer.catalog.jobs import JobStore
from trainer.jobs.events import JobEvents
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.recovery import MAX_DEATHS, STOPPED, settle
from trainer.jobs.runner import JobRunner
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.connection import Catalog
    from trainer.catalog.job_records import Job
    from trainer.jobs.folders import JobFolders
    from trainer.registry.registry import Registry

_WAIT_S = 20.0


class FakeWork:
    """Work that goes on until `release` is set or the job is cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self.ran: list[int] = []
        self.away = 0

    def check(self, dataset: str) -> None:
        """Refuse nothing."""

    def run(
        self,
        job: Job,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        commit: Callable[[], None],
        note: Callable[[str], None],
    ) -> int:
        """Report until released; the first `away` times the extractor is away."""
        self.ran.append(job.number)
        self.started.set()
        if self.away:
            self.away -= 1
            raise UnavailableError("the extractor is away", reason="EXTRACTOR_UNAVAILABLE")
        while not self.release.wait(0.005):
            report(Progress(Phase.FITTING))
        commit()
        return 1


def _final(runner: JobRunner, job_id: str) -> JobEvent:
    """Wait for a job's end."""
    ended: queue.Queue[JobEvent] = queue.Queue()
    runner.subscribe(job_id, lambda event: ended.put(event) if event.state.final else None)
    return ended.get(timeout=_WAIT_S)


def _states(jobs: JobStore, job: Job) -> list[str]:
    return [event.state for event in jobs.events(job.number) if event.progress is None]


def test_start_settles_what_a_killed_process_left(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """A RUNNING job goes on before those that waited, and says so; one whose version was written is SUCCEEDED."""
    lost, made, waiting = (jobs.create("faces", "faces", {"n": n}) for n in range(3))
    for job in (lost, made):
        jobs.move(job.number, JobState.RUNNING)
    network = heads.Network(np.zeros(2, "f4"), np.ones(2, "f4"), ())
    registry.publish("faces", made.number, network, {})
    work = FakeWork()
    work.release.set()
    runner = JobRunner(jobs, work, registry, folders)
    runner.start()
    assert _final(runner, waiting.job_id).state is JobState.SUCCEEDED
    assert _states(jobs, lost) == ["QUEUED", "RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"]
    assert "killed" in next(event.message for event in jobs.events(lost.number) if event.message)
    assert (jobs.get(made.job_id).state, jobs.get(made.job_id).version) == (JobState.SUCCEEDED, 1)
    assert work.ran == [lost.number, waiting.number]
    assert runner.stop(_WAIT_S)


def test_a_stop_leaves_the_running_job_and_the_queue_for_the_next_start(
    jobs: JobStore, registry: Registry, folders: JobFolders
) -> None:
    """After a stop nothing is RUNNING; the next trainer goes on with the job, then with what was QUEUED."""
    work = FakeWork()
    runner = JobRunner(jobs, work, registry, folders)
    runner.start()
    running, queued = runner.create("faces"), runner.create("faces")
    assert work.started.wait(_WAIT_S)
    assert runner.stop(_WAIT_S)
    stopped = jobs.get(running.job_id)
    assert (stopped.state, stopped.reason) == (JobState.QUEUED, "")
    assert "stopped" in stopped.message
    assert jobs.get(queued.job_id).state is JobState.QUEUED
    work.release.set()
    again = JobRunner(jobs, work, registry, folders)
    again.start()
    assert _final(again, queued.job_id).state is JobState.SUCCEEDED
    assert _states(jobs, running) == ["QUEUED", "RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"]
    assert work.ran == [running.number, running.number, queued.number]
    assert again.stop(_WAIT_S)


def test_a_cancelled_job_is_not_gone_on_with(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """Neither one that is cancelled while it waits to go on; its folder is gone at once."""
    work = FakeWork()
    runner = JobRunner(jobs, work, registry, folders)
    runner.start()
    job = runner.create("faces")
    assert work.started.wait(_WAIT_S)
    assert runner.stop(_WAIT_S)
    folder = folders.open(job.number).path
    folder.mkdir(parents=True)
    assert runner.cancel(job.job_id).state is JobState.CANCELLED
    assert not folder.exists()
    again = JobRunner(jobs, work, registry, folders)
    again.start()
    assert again.stop(_WAIT_S)
    assert _states(jobs, job) == ["QUEUED", "RUNNING", "QUEUED", "CANCELLED"]


def test_a_job_that_kills_its_trainer_is_given_up(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """Ten deaths in a row at one place are the end of it: the trainer must be able to do other jobs."""
    job = jobs.create("faces", "faces", {})
    events = JobEvents(jobs)
    for death in range(MAX_DEATHS):
        assert jobs.get(job.job_id).state is JobState.QUEUED, death
        jobs.move(job.number, JobState.RUNNING)
        settle(jobs, events, registry, folders)
    ended = jobs.get(job.job_id)
    assert (ended.state, ended.reason) == (JobState.INTERRUPTED, "JOB_INTERRUPTED")
    assert "10 times" in ended.message


def test_a_stop_among_deaths_begins_the_count_again(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """Only deaths in a row at one place count."""
    job = jobs.create("faces", "faces", {})
    events = JobEvents(jobs)
    for death in range(3 * MAX_DEATHS):
        jobs.move(job.number, JobState.RUNNING)
        if death % (MAX_DEATHS - 1) == 0:
            events.move(job.number, JobState.QUEUED, message=STOPPED)
        else:
            settle(jobs, events, registry, folders)
    assert jobs.get(job.job_id).state is JobState.QUEUED


def test_a_job_that_goes_on_waits_for_the_extractor(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """After a restart of everything it may be up later; a new job is told at once."""
    work = FakeWork()
    work.away = 2
    work.release.set()
    fresh, left = jobs.create("faces", "faces", {"n": 0}), jobs.create("faces", "faces", {"n": 1})
    jobs.move(left.number, JobState.RUNNING)
    runner = JobRunner(jobs, work, registry, folders, retry_s=0.01)
    runner.start()
    assert _final(runner, fresh.job_id).reason == "EXTRACTOR_UNAVAILABLE"
    assert _final(runner, left.job_id).state is JobState.SUCCEEDED
    assert runner.stop(_WAIT_S)


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


def test_an_end_is_recorded_once_the_disk_has_room(catalog: Catalog, registry: Registry, folders: JobFolders) -> None:
    """A job whose start and end cannot be written at first is tried again, and only then the next one runs."""
    store, work = FlakyStore(catalog), FakeWork()
    store.failures = {JobState.RUNNING: 2, JobState.SUCCEEDED: 3}
    work.release.set()
    runner = JobRunner(store, work, registry, folders, retry_s=0.01)
    runner.start()
    first, second = runner.create("faces"), runner.create("faces")
    assert _final(runner, second.job_id).state is JobState.SUCCEEDED
    assert store.get(first.job_id).state is JobState.SUCCEEDED
    assert store.failed.qsize() == 5
    assert runner.stop(_WAIT_S)


def test_a_stop_ends_the_attempts(catalog: Catalog, registry: Registry, folders: JobFolders) -> None:
    """While the disk stays full a stop still ends the thread, and the next start settles the job."""
    store, work = FlakyStore(catalog), FakeWork()
    store.failures = {JobState.SUCCEEDED: 1_000_000}
    work.release.set()
    runner = JobRunner(store, work, registry, folders, retry_s=3600.0)
    runner.start()
    job = runner.create("faces")
    assert store.failed.get(timeout=_WAIT_S) is JobState.SUCCEEDED
    assert runner.stop(_WAIT_S)
    assert store.get(job.job_id).state is JobState.RUNNING
    store.failures.clear()
    again = JobRunner(store, work, registry, folders)
    again.start()
    assert _final(again, job.job_id).state is JobState.SUCCEEDED
    assert again.stop(_WAIT_S)
