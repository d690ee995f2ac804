"""The job runner: order, cancel, interruption, failures, watchers."""

from __future__ import annotations

import gc
import queue
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

from graft.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    GraftError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from trainer.catalog.job_records import JobEvent, JobState
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.runner import JobRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.catalog.job_records import Job
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.folders import JobFolders
    from trainer.registry.registry import Registry

_WAIT_S = 20.0


class FakeWork:
    """Work that does what the test tells it: `release` lets the running job end, `failure` makes it fail."""

    def __init__(self) -> None:
        self.started: queue.Queue[int] = queue.Queue()
        self.release = threading.Event()
        self.committed = threading.Event()
        self.finish_commit = threading.Event()
        self.finish_commit.set()
        self.failure: Exception | None = None
        self.refusal: GraftError | None = None
        self.reports = 1

    def check(self, dataset: str) -> None:
        """Refuse with what the test has set."""
        if self.refusal is not None:
            raise self.refusal

    def run(
        self,
        job: Job,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        commit: Callable[[], None],
        note: Callable[[str], None],
    ) -> int:
        """Report, wait for `release`, then fail or commit."""
        self.started.put(job.number)
        for step in range(self.reports):
            report(Progress(Phase.FITTING, step=step))
        while not self.release.wait(0.005):
            report(Progress(Phase.FITTING))
        if self.failure is not None:
            raise self.failure
        commit()
        self.committed.set()
        assert self.finish_commit.wait(_WAIT_S)
        return job.number * 10


@pytest.fixture
def work() -> FakeWork:
    """Return work that waits for the test."""
    return FakeWork()


@pytest.fixture
def runner(jobs: JobStore, work: FakeWork, registry: Registry, folders: JobFolders) -> Iterator[JobRunner]:
    """Return a running job runner."""
    started = JobRunner(jobs, work, registry, folders, max_queued=3)
    started.start()
    yield started
    work.release.set()
    work.finish_commit.set()
    assert started.stop(_WAIT_S)


def _final(runner: JobRunner, job_id: str) -> JobEvent:
    """Wait for a job's end."""
    ended: queue.Queue[JobEvent] = queue.Queue()
    stop = runner.subscribe(job_id, lambda event: ended.put(event) if event.state.final else None)
    event = ended.get(timeout=_WAIT_S)
    stop()
    return event


def test_jobs_run_one_at_a_time_in_order(runner: JobRunner, work: FakeWork, jobs: JobStore) -> None:
    """The second job waits, QUEUED, for the first."""
    first, second = runner.create("faces"), runner.create("faces")
    assert work.started.get(timeout=_WAIT_S) == first.number
    assert jobs.get(second.job_id).state is JobState.QUEUED
    work.release.set()
    assert _final(runner, second.job_id).version == second.number * 10
    assert jobs.get(first.job_id).state is JobState.SUCCEEDED
    assert work.started.get(timeout=_WAIT_S) == second.number


def test_defaults_are_filled_in(runner: JobRunner) -> None:
    """A job without a classifier or recipe takes the dataset's name and all of auto's values."""
    job = runner.create("faces")
    assert job.classifier == "faces"
    assert (job.recipe["kind"], job.recipe["folds"], job.recipe["time_budget_s"]) == ("auto", 5, 30.0)


def test_running_job_is_cancelled(runner: JobRunner, work: FakeWork, jobs: JobStore) -> None:
    """A cancelled job is CANCELLED at once, and the next one runs."""
    job = runner.create("faces")
    work.started.get(timeout=_WAIT_S)
    assert runner.cancel(job.job_id).state is JobState.CANCELLED
    following = runner.create("faces")
    assert work.started.get(timeout=_WAIT_S) == following.number
    assert jobs.get(job.job_id).reason == "JOB_CANCELLED"
    assert jobs.get(job.job_id).version == 0


def test_queued_job_is_cancelled(runner: JobRunner, work: FakeWork) -> None:
    """A queued job that is cancelled never starts."""
    runner.create("faces")
    work.started.get(timeout=_WAIT_S)
    queued, last = runner.create("faces"), runner.create("faces")
    assert runner.cancel(queued.job_id).state is JobState.CANCELLED
    work.release.set()
    _final(runner, last.job_id)
    assert work.started.get(timeout=_WAIT_S) == last.number


def test_cancel_comes_too_late(runner: JobRunner, work: FakeWork) -> None:
    """A job that is writing its version ends as SUCCEEDED, and cancelling what has ended changes nothing."""
    work.finish_commit.clear()
    work.release.set()
    job = runner.create("faces")
    assert work.committed.wait(_WAIT_S)
    assert runner.cancel(job.job_id).state is JobState.RUNNING
    work.finish_commit.set()
    assert _final(runner, job.job_id).state is JobState.SUCCEEDED
    assert runner.cancel(job.job_id).state is JobState.SUCCEEDED


def test_failures_keep_their_reason(runner: JobRunner, work: FakeWork) -> None:
    """A failure that knows its reason tells it, and the next job runs."""
    work.failure = FailedPreconditionError("7 vectors are gone", reason="FEATURES_MISSING")
    work.release.set()
    event = _final(runner, runner.create("faces").job_id)
    assert (event.state, event.reason, event.message) == (JobState.FAILED, "FEATURES_MISSING", "7 vectors are gone")
    work.failure = None
    assert _final(runner, runner.create("faces").job_id).state is JobState.SUCCEEDED


def test_faults_tell_nothing(runner: JobRunner, work: FakeWork, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected fault is INTERNAL with fixed text; the details are in the log."""
    work.failure = RuntimeError("secret path")
    work.release.set()
    event = _final(runner, runner.create("faces").job_id)
    assert (event.state, event.reason) == (JobState.FAILED, "INTERNAL")
    assert "secret" not in event.message
    assert "secret path" in caplog.text


def test_watchers_see_history_then_what_happens(runner: JobRunner, work: FakeWork) -> None:
    """Whoever watches from the start and whoever comes late see the same, up to the final state."""
    job = runner.create("faces")
    early: list[JobEvent] = []
    runner.subscribe(job.job_id, early.append)
    work.started.get(timeout=_WAIT_S)
    work.release.set()
    _final(runner, job.job_id)
    late: list[JobEvent] = []
    runner.subscribe(job.job_id, late.append)
    assert late == early
    assert [event.state for event in late if event.progress is None] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert any(event.progress is not None for event in late)


def test_progress_is_recorded_at_a_pace(
    jobs: JobStore, work: FakeWork, registry: Registry, folders: JobFolders
) -> None:
    """Reports that come closer than the pace are not written: a thousand in one moment are one record."""
    runner = JobRunner(jobs, work, registry, folders, clock=lambda: 5.0)
    work.reports = 1000
    work.release.set()
    runner.start()
    job = runner.create("faces")
    _final(runner, job.job_id)
    assert sum(event.progress is not None for event in jobs.events(job.number)) == 1
    assert runner.stop(_WAIT_S)


def test_request_id_makes_a_retry_safe(runner: JobRunner, work: FakeWork) -> None:
    """The same request returns the first job, even when it would be refused by now; another request is refused."""
    first = runner.create("faces", request_id="r1")
    work.refusal = FailedPreconditionError("no training example", reason="DATASET_NOT_TRAINABLE")
    assert runner.create("faces", request_id="r1").number == first.number
    with pytest.raises(AlreadyExistsError):
        runner.create("faces", recipe={"kind": "softmax"}, request_id="r1")


def test_untrainable_is_refused_at_once(runner: JobRunner, work: FakeWork, jobs: JobStore) -> None:
    """What cannot be trained, a wrong recipe and a wrong name make no job."""
    with pytest.raises(InvalidArgumentError):
        runner.create("faces", recipe={"kind": "magic"})
    with pytest.raises(InvalidArgumentError):
        runner.create("faces", "No Good")
    work.refusal = FailedPreconditionError("no training example", reason="DATASET_NOT_TRAINABLE")
    with pytest.raises(FailedPreconditionError):
        runner.create("faces")
    assert jobs.list_page().items == ()


def test_queue_is_bounded(runner: JobRunner, work: FakeWork) -> None:
    """More waiting jobs than allowed are refused with a pause to retry after."""
    runner.create("faces")
    work.started.get(timeout=_WAIT_S)
    for _ in range(3):
        runner.create("faces")
    with pytest.raises(ResourceExhaustedError) as caught:
        runner.create("faces")
    assert caught.value.reason == "JOB_QUEUE_FULL"
    assert caught.value.retry_after_s > 0


def test_unknown_jobs_are_not_found(runner: JobRunner) -> None:
    """Neither cancelled nor watched."""
    with pytest.raises(NotFoundError):
        runner.cancel("job-99")
    with pytest.raises(NotFoundError):
        runner.subscribe("job-99", print)


def test_nothing_is_kept_of_an_ended_job(runner: JobRunner, work: FakeWork) -> None:
    """Not even by the error that it ended with: the vectors of a large dataset fill much of a machine's memory."""

    class Vectors:
        """What takes much memory."""

    held: list[weakref.ref[Vectors]] = []

    def fail(*_: object) -> int:
        vectors = Vectors()
        held.append(weakref.ref(vectors))
        try:
            return int("the first trouble")
        except ValueError as error:
            raise FailedPreconditionError("no more of it", reason="FEATURES_MISSING") from error

    work.run = fail  # type: ignore[method-assign,assignment]
    assert _final(runner, runner.create("faces").job_id).reason == "FEATURES_MISSING"
    gc.collect()
    assert held[0]() is None
