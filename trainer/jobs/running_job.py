"""The job that runs, between its work and those who would end it: what it reports, and until when it can be ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from graft.errors import CancelledError
from trainer.catalog.job_records import JobState
from trainer.jobs.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.job_records import Job
    from trainer.jobs.events import JobEvents
    from trainer.jobs.progress import Progress


class RunningJob:
    """One run of a job."""

    def __init__(self, job: Job, events: JobEvents, clock: Callable[[], float]) -> None:
        """Begin: `clock` tells seconds, for the pace of recorded progress."""
        self.job = job
        self.left = False
        """Whether the trainer stops, so that the job is to go on another time."""
        self._events, self._pace = events, Pace(clock)
        # makes "not committing, so end it" one step against `commit`; taken before the locks of store and subscribers
        self._lock = threading.Lock()
        self._committing = False
        self._ended = threading.Event()

    def end(self, record: Callable[[], object]) -> None:
        """Do `record` and let the work end, unless it is writing its version by now."""
        with self._lock:
            if not self._committing:
                record()
                self._ended.set()

    def leave(self) -> None:
        """Let the work end because the trainer stops, unless it is writing its version by now."""

        def mark() -> None:
            self.left = True

        self.end(mark)

    def settle(self) -> None:
        """Let nobody end it any more: its end is about to be recorded."""
        with self._lock:
            self._committing = True

    def commit(self) -> None:
        """Begin to write the version.

        Raises:
            CancelledError: the job was ended before.
        """
        with self._lock:
            self.raise_if_ended()
            self._committing = True

    def ended(self) -> bool:
        """Whether the work is to end."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the work is to end, so long at most; return whether it is."""
        return self._ended.wait(seconds)

    def report(self, progress: Progress) -> None:
        """Record progress, at a pace.

        Raises:
            CancelledError: the work is to end.
        """
        self.raise_if_ended()
        if self._pace.due(progress):
            self._events.progress(self.job.number, progress)

    def note(self, text: str) -> None:
        """Record what people should know of this run."""
        self._events.move(self.job.number, JobState.RUNNING, message=text)

    def raise_if_ended(self) -> None:
        """Raise CancelledError if the work is to end."""
        if self._ended.is_set():
            raise CancelledError("the job was cancelled", reason="JOB_CANCELLED")
