"""Watching a job: any number of watchers, slow ones and ones that go away."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from graft.v1 import trainer_pb2 as pb
from trainer.catalog.job_records import JobEvent, JobState
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.runner import JobRunner
from trainer.service.job_watch import JobWatch
from trainer.service.jobs import JobMethods
from trainer.service.registry import RegistryMethods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.catalog.job_records import Job
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.folders import JobFolders
    from trainer.registry.registry import Registry

_WAIT_S = 30.0


class Methods(JobMethods, RegistryMethods):
    """What is needed of the service."""


class FakeWork:
    """Reports when told to; no report comes too soon to be recorded."""

    def __init__(self) -> None:
        self.now = 0.0
        self.go = threading.Semaphore(0)

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
        """Report 20 steps, each when told to."""
        note("goes on from step 0 of fitting")
        for step in range(20):
            assert self.go.acquire(timeout=_WAIT_S)
            self.now += 1.0
            report(Progress(Phase.FITTING, step, 20))
        commit()
        return 1


async def test_fifty_watchers_are_told_the_same(jobs: JobStore, registry: Registry, folders: JobFolders) -> None:
    """From the beginning, in the middle or after the end; slow ones too; those that go away are forgotten."""
    work = FakeWork()
    runner = JobRunner(jobs, work, registry, folders, clock=lambda: work.now)
    methods: Any = Methods(runner=runner, jobs=jobs, registry=registry)
    runner.start()
    job = runner.create("faces")
    ended = asyncio.Event()

    def watch() -> AsyncIterator[pb.WatchTrainingJobResponse]:
        return methods.WatchTrainingJob(pb.WatchTrainingJobRequest(job_id=job.job_id), None)

    async def read(*, slow: bool = False) -> list[pb.WatchTrainingJobResponse]:
        told = []
        async for response in watch():
            told.append(response)
            if response.job.state == pb.JOB_STATE_SUCCEEDED:
                ended.set()
            if slow:
                await ended.wait()
        return told

    early = [asyncio.ensure_future(read(slow=number % 5 == 0 and number > 0)) for number in range(30)]
    gone = [watch() for _ in range(20)]
    for each in gone:
        assert (await anext(aiter(each))).job.state == pb.JOB_STATE_QUEUED
    for _ in range(10):
        work.go.release()
    for each in gone:
        await each.aclose()  # type: ignore[attr-defined]
    middle = [asyncio.ensure_future(read()) for _ in range(20)]
    for _ in range(10):
        work.go.release()
    told = await asyncio.wait_for(asyncio.gather(*early, *middle), _WAIT_S)
    late = await read()
    # A change of state carries the job as it stands when it is told: what came later may be in it already.
    courses = [[(each.job.state, each.job.note, each.progress.done) for each in one] for one in [*told, late]]
    assert all(course == courses[0] for course in courses)
    assert [done for state, _, done in courses[0] if not state] == list(range(20))
    assert [note for state, note, _ in courses[0] if note] == ["goes on from step 0 of fitting"]
    assert len(runner._events._watchers) == 0  # nothing is kept of watchers that are gone
    assert await asyncio.to_thread(runner.stop, _WAIT_S)


@pytest.mark.parametrize("limit", [10, 50])
async def test_a_watcher_that_does_not_read_costs_little(limit: int) -> None:
    """Past a number of events reports are thinned for it; no change of state is lost, and the order stays."""
    watch = JobWatch(limit)
    for number in range(1, 2001):
        watch.heard(JobEvent(number, 0, JobState.RUNNING, Progress(Phase.FITTING, number) if number % 500 else None))
    watch.heard(JobEvent(2001, 0, JobState.SUCCEEDED))
    told = [await watch.next()]
    while told[-1].sequence < 2001:
        told.append(await watch.next())
    assert len(told) <= limit + 1
    assert [each.sequence for each in told if each.progress is None] == [500, 1000, 1500, 2000, 2001]
    assert [each.sequence for each in told] == sorted(each.sequence for each in told)
    assert told[-2].sequence == 2000
