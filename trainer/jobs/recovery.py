"""What becomes of the jobs that a former process left RUNNING: done, to go on, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.catalog.job_records import JobState

if TYPE_CHECKING:
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.events import JobEvents
    from trainer.jobs.folders import JobFolders
    from trainer.registry.registry import Registry

MAX_DEATHS = 10
"""Deaths of the trainer in a row, at one place of a job, after which the job is given up: it may be what kills it."""

STOPPED = "the trainer was stopped in the middle of this job; it goes on when the trainer runs again"


def settle(store: JobStore, events: JobEvents, registry: Registry, folders: JobFolders) -> None:
    """Leave no job RUNNING: call it before any runs.

    One whose version was written is SUCCEEDED. The others are QUEUED: jobs run in the order of their numbers, so they
    are the first to run, and go on from their checkpoints. What ended jobs left in their folders goes.
    """
    for job in store.in_state(JobState.RUNNING):
        made = registry.version_of_job(job.number)
        if made is not None:  # killed between writing the version and saying so
            events.move(job.number, JobState.SUCCEEDED, version=made.version)
            continue
        place = folders.open(job.number).place()
        died = f"the trainer was killed or crashed in the middle of this job; it goes on from {place}"
        if _deaths(store, job.number, died) + 1 < MAX_DEATHS:
            events.move(job.number, JobState.QUEUED, message=died)
        else:
            events.move(
                job.number,
                JobState.INTERRUPTED,
                reason="JOB_INTERRUPTED",
                message=f"the trainer was killed or crashed {MAX_DEATHS} times in a row in the middle of this job, "
                f"always going on from {place}: see its log and the memory it had, then create the job again",
            )
    folders.recover({job.number for job in store.in_state(JobState.QUEUED)})


def _deaths(store: JobStore, number: int, died: str) -> int:
    """Return how many of the last times that the job was queued it was for a death at this very place."""
    queued = [
        event.message for event in store.events(number) if event.state is JobState.QUEUED and event.progress is None
    ]
    count = 0
    while count < len(queued) and queued[-1 - count] == died:
        count += 1
    return count
