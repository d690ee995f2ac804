"""Training jobs through the gateway: made once, watched by many, cancelled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from graft.client import Job, JobState, Progress, Recipe
from graft.errors import AlreadyExistsError

if TYPE_CHECKING:
    from graft.client import Client

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.weights,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("trained"),
]

QUICK = Recipe(kind="softmax", steps=200)
ENDLESS = Recipe(kind="softmax", steps=10_000_000, report_every=50)


def states(events: list[Job | Progress]) -> list[JobState]:
    """Return the states that a job went through, each once."""
    return list(dict.fromkeys(event.state for event in events if isinstance(event, Job)))


def test_a_request_id_makes_one_job(client: Client) -> None:
    """The same request with the same id returns the same job, also once it has ended; another request is refused."""
    before = len(client.jobs())
    first = client.train("textures", "once", QUICK, request_id="the-only-one")
    assert client.train("textures", "once", QUICK, request_id="the-only-one").job_id == first.job_id
    assert states(list(client.watch(first.job_id)))[-1] is JobState.SUCCEEDED
    assert client.train("textures", "once", QUICK, request_id="the-only-one").version == 1
    with pytest.raises(AlreadyExistsError) as refused:
        client.train("textures", "another", QUICK, request_id="the-only-one")
    assert refused.value.reason == "REQUEST_ID_REUSED"
    assert len(client.jobs()) == before + 1
    assert [version.version for version in client.versions("once")] == [1]


def test_every_watcher_sees_the_same_course(client: Client) -> None:
    """Two watchers from the start, one who comes in the middle and one after the end are told the same events."""
    job = client.train("textures", "watched", Recipe(kind="mlp"))
    begun = threading.Event()

    def watch(wait: threading.Event | None = None) -> list[Job | Progress]:
        if wait:
            assert wait.wait(60)
        events: list[Job | Progress] = []
        for event in client.watch(job.job_id):
            events.append(event)
            if isinstance(event, Progress) and event.phase == "fitting":
                begun.set()
        return events

    with ThreadPoolExecutor() as threads:
        first, second, late = [threads.submit(watch, wait) for wait in (None, None, begun)]
    history = watch()
    assert first.result() == second.result() == late.result() == history
    assert states(history) == [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]
    assert isinstance(history[-1], Job)
    phases = [event.phase for event in history if isinstance(event, Progress)]
    assert list(dict.fromkeys(phases)) == ["loading", "fitting", "refitting", "evaluating"]


def test_a_running_job_is_cancelled(client: Client) -> None:
    """Long before its last step it ends as CANCELLED, and leaves no classifier."""
    job = client.train("textures", "cancelled", ENDLESS)
    course = client.watch(job.job_id)
    last = next(event for event in course if isinstance(event, Progress) and event.phase == "fitting")
    client.cancel(job.job_id)
    rest = list(course)
    assert states(rest) == [JobState.CANCELLED]
    last = [last, *(event for event in rest if isinstance(event, Progress))][-1]
    assert last.done < last.total == 10_000_000
    ended = client.job(job.job_id)
    assert (ended.state, ended.version) == (JobState.CANCELLED, 0)
    assert "cancelled" not in {each.name for each in client.classifiers()}
    assert client.cancel(job.job_id).state is JobState.CANCELLED


def test_a_waiting_job_is_cancelled_before_it_runs(client: Client) -> None:
    """It never was RUNNING; the one before it goes on until it is cancelled too."""
    running = client.train("textures", "cancelled", ENDLESS)
    waiting = client.train("textures", "cancelled", ENDLESS)
    assert client.cancel(waiting.job_id).start_time is None
    assert states(list(client.watch(waiting.job_id))) == [JobState.QUEUED, JobState.CANCELLED]
    assert not client.job(running.job_id).ended
    client.cancel(running.job_id)
    assert states(list(client.watch(running.job_id)))[-1] is JobState.CANCELLED
