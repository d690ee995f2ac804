"""One run of a job, to its version or to the reason that it has none."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from graft.errors import GraftError, InternalError, UnavailableError
from trainer.jobs.interruption import interruptible

if TYPE_CHECKING:
    from trainer.jobs.running_job import RunningJob
    from trainer.jobs.slot import Slot
    from trainer.jobs.work import Work

_log = logging.getLogger(__name__)

PATIENCE_S = 600.0
"""How long a job that goes on waits for the extractor: after a restart of everything it may be up later."""


def run_job(work: Work, slot: Slot, running: RunningJob, retry_s: float) -> int | GraftError:
    """Do a job when the slot is free; one that ran before tries again every `retry_s` while the extractor is away."""
    gives_up = time.monotonic() + (PATIENCE_S if running.job.started_ms else 0.0)
    while True:
        outcome = _attempt(work, slot, running)
        if not isinstance(outcome, UnavailableError) or time.monotonic() >= gives_up or running.wait(retry_s):
            return outcome


def _alone(error: GraftError) -> GraftError:
    """Return an error without the frames it came through: they hold all the vectors, and it may be kept for long."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _attempt(work: Work, slot: Slot, running: RunningJob) -> int | GraftError:
    try:
        with slot.taken(running.ended), interruptible(running.raise_if_ended):
            return work.run(running.job, running.report, running.ended, running.commit, running.note)
    except Exception as error:  # noqa: BLE001 - whatever it was, the job says INTERNAL and the log the rest
        if isinstance(error, GraftError) and not isinstance(error, InternalError):
            return _alone(error)
        _log.exception("%s failed", running.job.job_id)
        return InternalError("a fault of the trainer: its log has the details")
