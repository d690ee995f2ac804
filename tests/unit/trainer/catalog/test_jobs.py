"""The job store: request ids, states, bounded history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graft.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from trainer.catalog.job_records import JobState
from trainer.catalog.jobs import JobStore
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog


def test_request_id_returns_the_first_answer(jobs: JobStore) -> None:
    """The same request with the same id makes one job."""
    first = jobs.create("faces", "faces", {"kind": "mlp"}, request_id="r1")
    assert jobs.create("faces", "faces", {"kind": "mlp"}, request_id="r1") == first
    assert len(jobs.list_page().items) == 1


def test_request_id_for_another_request_is_refused(jobs: JobStore) -> None:
    """An id that made another job is refused, before and after."""
    jobs.create("faces", "faces", {"kind": "mlp"}, request_id="r1")
    for call in (jobs.create, jobs.recall):
        with pytest.raises(AlreadyExistsError) as caught:
            call("faces", "faces", {"kind": "softmax"}, request_id="r1")
        assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_long_request_id_is_refused(jobs: JobStore) -> None:
    """An id of more than 128 characters is refused with a reason of its own."""
    jobs.create("faces", "faces", {}, request_id="r" * 128)
    with pytest.raises(InvalidArgumentError) as caught:
        jobs.create("faces", "faces", {}, request_id="r" * 129)
    assert caught.value.reason == "INVALID_REQUEST_ID"


def test_final_states_are_final(jobs: JobStore) -> None:
    """A job that has ended never moves again and takes no more progress."""
    number = jobs.create("faces", "faces", {}).number
    jobs.move(number, JobState.RUNNING)
    jobs.move(number, JobState.CANCELLED, reason="JOB_CANCELLED", message="cancelled on request")
    assert jobs.move(number, JobState.SUCCEEDED, version=1) is None
    assert jobs.add_progress(number, Progress(Phase.FITTING)) is None
    job = jobs.get(f"job-{number}")
    assert (job.state, job.reason, job.version) == (JobState.CANCELLED, "JOB_CANCELLED", 0)
    assert job.created_ms < job.started_ms < job.ended_ms


def test_history_replays_in_order(jobs: JobStore) -> None:
    """The history tells states and progress as they happened."""
    number = jobs.create("faces", "faces", {}).number
    jobs.move(number, JobState.RUNNING)
    report = Progress(Phase.FITTING, step=10, steps=100, epoch=1, loss=0.5, validation_loss=0.4)
    jobs.add_progress(number, report)
    jobs.move(number, JobState.SUCCEEDED, version=3)
    events = jobs.events(number)
    assert [event.state for event in events] == ["QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert events[2].progress == report
    assert events[3].version == 3


def test_history_is_bounded(catalog: Catalog) -> None:
    """A long history is thinned: states and the newest report stay, and it never outgrows its bound."""
    jobs = JobStore(catalog, max_events=20)
    number = jobs.create("faces", "faces", {}).number
    jobs.move(number, JobState.RUNNING)
    for step in range(200):
        jobs.add_progress(number, Progress(Phase.FITTING, step=step))
        assert len(jobs.events(number)) <= 20
    jobs.move(number, JobState.SUCCEEDED, version=1)
    events = jobs.events(number)
    assert [event.state for event in events if event.progress is None] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    steps = [event.progress.step for event in events if event.progress is not None]
    assert steps == sorted(steps)
    assert steps[-1] == 199


def test_jobs_are_listed_newest_first(jobs: JobStore) -> None:
    """Pages go from the newest job to the oldest, of one classifier where asked."""
    for n in range(5):
        jobs.create("faces", f"c{n % 2}", {})
    page = jobs.list_page(page_size=2)
    rest = jobs.list_page(page_size=10, page_token=page.next_token)
    assert [job.number for job in (*page.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert [job.number for job in jobs.list_page(classifier="c1").items] == [4, 2]


@pytest.mark.parametrize("job_id", ["", "7", "job-", "job-x", "job-7", "job-٣", "job-01", "job-" + "9" * 30])
def test_unknown_jobs_are_not_found(jobs: JobStore, job_id: str) -> None:
    """Whatever is no job's id is not found, nor is another spelling of one."""
    jobs.create("faces", "faces", {})
    with pytest.raises(NotFoundError):
        jobs.get(job_id)
