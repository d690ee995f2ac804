"""The job runner across stops and starts: nothing stays RUNNING, nothing queued is lost."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import numpy as np

from trainer import heads
from trainer.catalog.job_records import JobEvent, JobState
from trainer.jobs import JobRunner
from trainer.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.job_records import Job
    from trainer.catalog.jobs import JobStore
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
