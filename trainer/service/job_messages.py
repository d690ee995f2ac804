"""Between the trainer's job records and the wire's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft import statuses
from graft.errors import (
    AbortedError,
    FailedPreconditionError,
    GraftError,
    InternalError,
    ResourceExhaustedError,
    UnavailableError,
)
from graft.v1 import trainer_pb2 as pb
from trainer.catalog.job_records import JobState
from trainer.service.messages import timestamp
from trainer.service.recipe_messages import recipe_message

if TYPE_CHECKING:
    from google.rpc import status_pb2

    from trainer.catalog.job_records import Job, JobEvent
    from trainer.jobs.progress import Progress

_STATES = {state: pb.JobState.Value(f"JOB_STATE_{state.name}") for state in JobState}
# What a recorded reason is on the wire; anything else that failed a job was a precondition.
_KINDS: dict[str, type[GraftError]] = {
    "INTERNAL": InternalError,
    "JOB_INTERRUPTED": AbortedError,
    "EXTRACTOR_UNAVAILABLE": UnavailableError,
    "DISK_FULL": ResourceExhaustedError,
    "WORKER_LOST": AbortedError,
}


def job_message(job: Job) -> pb.TrainingJob:
    """A job as it stands."""
    return pb.TrainingJob(
        job_id=job.job_id,
        dataset=job.dataset,
        classifier=job.classifier,
        recipe=recipe_message(job.recipe),
        state=_STATES[job.state],
        create_time=timestamp(job.created_ms),
        start_time=timestamp(job.started_ms),
        end_time=timestamp(job.ended_ms),
        version=job.version,
        error=_error(job.state, job.reason, job.message),
        note="" if job.state.final else job.message,
    )


def state_message(job: Job, event: JobEvent) -> pb.WatchTrainingJobResponse:
    """The job as it stood after a change of state; `job` is how it stands now."""
    then = job_message(job)
    then.state = _STATES[event.state]
    then.version = event.version
    then.note = "" if event.state.final else event.message
    if event.state is JobState.QUEUED and not event.message:
        then.ClearField("start_time")
    if not event.state.final:
        then.ClearField("end_time")
        then.ClearField("error")
    return pb.WatchTrainingJobResponse(job=then)


def progress_message(progress: Progress) -> pb.TrainingProgress:
    """How far a job or an analysis is."""
    return pb.TrainingProgress(
        phase=progress.phase,
        done=progress.step,
        total=progress.steps,
        epoch=progress.epoch,
        train_loss=progress.loss,
        validation_loss=progress.validation_loss,
        validation_accuracy=progress.validation_accuracy,
    )


def _error(state: JobState, reason: str, message: str) -> status_pb2.Status | None:
    if state not in {JobState.FAILED, JobState.INTERRUPTED}:
        return None
    return statuses.to_status(_KINDS.get(reason, FailedPreconditionError)(message, reason=reason))
