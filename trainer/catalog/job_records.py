"""What a job and its events are: the records that the job store keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trainer.jobs.progress import Progress


class JobState(StrEnum):
    """Where a job is: QUEUED -> RUNNING -> one of the rest, which are final.

    A queued job may be CANCELLED. A running one whose trainer ends is QUEUED again, and goes on in its turn; it is
    INTERRUPTED only if the trainer died of it time after time (`trainer.jobs.recovery`).
    """

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INTERRUPTED = "INTERRUPTED"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class Job:
    """One training job.

    Attributes:
        number: counts upward from 1 in the catalog; `job_id` is made of it.
        dataset: name of the dataset it trains on.
        classifier: name of the classifier it makes a version of.
        recipe: how to train, as `trainer.recipes.to_dict` writes it.
        state: where it is.
        reason: UPPER_SNAKE, why it FAILED, was CANCELLED or INTERRUPTED; empty otherwise.
        message: the same for people, with what to do; while QUEUED or RUNNING what to know of that, mostly nothing.
        version: the version it made; 0 unless SUCCEEDED.
        created_ms: milliseconds since 1970 UTC.
        started_ms: when it first began to run; 0 before.
        ended_ms: the same; 0 until it ends.
    """

    number: int
    dataset: str
    classifier: str
    recipe: dict[str, Any]
    state: JobState
    reason: str
    message: str
    version: int
    created_ms: int
    started_ms: int
    ended_ms: int

    @property
    def job_id(self) -> str:
        """The name clients know it by."""
        return f"job-{self.number}"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that happened to a job; the last event of a job has a final state.

    Attributes:
        sequence: counts upward from 1 within the job; thinned histories have gaps.
        at_ms: milliseconds since 1970 UTC.
        state: the job's state after it.
        progress: how far it is; None for a change of state.
        reason: as in Job, for a final state.
        message: as in Job.
        version: as in Job.
    """

    sequence: int
    at_ms: int
    state: JobState
    progress: Progress | None = None
    reason: str = ""
    message: str = ""
    version: int = 0


def event_body(event: JobEvent) -> str:
    """Return the JSON text that the catalog keeps for an event."""
    return json.dumps(
        {
            "at_ms": event.at_ms,
            "state": event.state,
            "progress": event.progress.to_dict() if event.progress else None,
            "reason": event.reason,
            "message": event.message,
            "version": event.version,
        },
        ensure_ascii=False,
    )


def event_from_body(sequence: int, body: str) -> JobEvent:
    """Return the event that `event_body` wrote."""
    plain = json.loads(body)
    progress = Progress.from_dict(plain["progress"]) if plain["progress"] else None
    return JobEvent(sequence, **{**plain, "state": JobState(plain["state"]), "progress": progress})
