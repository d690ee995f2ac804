"""The job runner: one job at a time in a thread of its own, first come, first served, watched by any number."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graft.errors import CancelledError, UnavailableError
from trainer.catalog.job_records import Job, JobEvent, JobState
from trainer.jobs.admission import admit
from trainer.jobs.attempts import run_job
from trainer.jobs.events import JobEvents
from trainer.jobs.recovery import STOPPED, settle
from trainer.jobs.running_job import RunningJob
from trainer.jobs.slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from graft.errors import GraftError
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.folders import JobFolders
    from trainer.jobs.work import Work
    from trainer.registry.registry import Registry

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class JobRunner:
    """Runs the jobs in the catalog; all methods are safe to call from any thread."""

    def __init__(
        self,
        store: JobStore,
        work: Work,
        registry: Registry,
        folders: JobFolders,
        *,
        slot: Slot | None = None,
        max_queued: int = 100,
        clock: Callable[[], float] = time.monotonic,
        retry_s: float = 1.0,
    ) -> None:
        """Wire it up; `start` starts it.

        Args:
            store: the jobs.
            work: what a job does.
            registry: tells which version a job made that was not recorded as done.
            folders: what jobs leave in their middle.
            slot: what jobs share with analyses; None is one of their own.
            max_queued: jobs that may wait.
            clock: seconds, for the pace of recorded progress.
            retry_s: pause after the catalog failed, as it does while the disk is full, or the extractor was away.
        """
        self._store, self._work, self._registry, self._folders = store, work, registry, folders
        self._slot = slot or Slot()
        self._max_queued, self._clock, self._retry_s = max_queued, clock, retry_s
        self._events = JobEvents(store)
        # guards the two below; taken before the locks of the running job, store and subscribers, never after them
        self._wake = threading.Condition()
        self._current: RunningJob | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Settle what a former process left (`trainer.jobs.recovery`), then run what is QUEUED."""
        settle(self._store, self._events, self._registry, self._folders)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Leave the running job and the queued ones for the next start; return whether the thread ended in time."""
        with self._wake:
            self._stopping = True
            if self._current is not None:
                self._current.leave()
            self._wake.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def create(
        self, dataset: str, classifier: str = "", recipe: Mapping[str, Any] | None = None, *, request_id: str = ""
    ) -> Job:
        """Queue a job and return it; the same `request_id` with the same request returns the job it made.

        Args:
            dataset: the dataset to train on.
            classifier: the classifier to make a version of; empty for the dataset's name.
            recipe: the settings; what is left out takes the recipe's own value, None is `mlp` as it is.
            request_id: of the caller; empty for none.

        Raises:
            InvalidArgumentError: reasons INVALID_NAME, INVALID_RECIPE.
            NotFoundError: reason DATASET_NOT_FOUND.
            FailedPreconditionError: reason DATASET_NOT_TRAINABLE.
            AlreadyExistsError: reason REQUEST_ID_REUSED.
            ResourceExhaustedError: reason JOB_QUEUE_FULL.
        """
        job = admit(
            self._store,
            self._work,
            self._max_queued,
            dataset=dataset,
            classifier=classifier,
            recipe=recipe or {},
            request_id=request_id,
        )
        with self._wake:
            self._wake.notify_all()
        return job

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued or running job and return it; a finished one, or one that is writing its version, stays.

        Raises:
            NotFoundError: reason JOB_NOT_FOUND.
        """
        number = self._store.get(job_id).number
        record = partial(
            self._events.move, number, JobState.CANCELLED, reason="JOB_CANCELLED", message="cancelled on request"
        )
        with self._wake:
            if self._current is not None and self._current.job.number == number:
                self._current.end(record)
            elif record():
                self._folders.end(number)  # of a job that a stop had left in its middle
        return self._store.get(job_id)

    def subscribe(self, job_id: str, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        """Call back with the job's history, then with what happens; return how to stop (`trainer.jobs.subscriptions`).

        The last event of a job has a final state.

        Raises:
            NotFoundError: reason JOB_NOT_FOUND.
        """
        return self._events.subscribe(self._store.get(job_id).number, callback)

    def _loop(self) -> None:
        while (running := self._insist("the next job could not be taken", self._next)) is not None:
            outcome = run_job(self._work, self._slot, running, self._retry_s)
            running.settle()
            job_id = running.job.job_id
            self._insist(f"the end of {job_id} could not be recorded", partial(self._finish, running, outcome))
            with self._wake:
                self._current = None

    def _insist(self, trouble: str, act: Callable[[], _T]) -> _T | None:
        """Try until it works, with pauses; None if it still fails at a stop, after which the next start settles it."""
        told = False
        while True:
            try:
                return act()
            except Exception:  # noqa: BLE001 - the catalog itself failed; a disk that is full now has room again later
                if not told:
                    _log.exception("%s; trying again every %g s", trouble, self._retry_s)
                    told = True
            with self._wake:
                if self._stopping:
                    return None
                self._wake.wait_for(lambda: self._stopping, self._retry_s)

    def _next(self) -> RunningJob | None:
        """Wait for a queued job and move it to RUNNING; None when stopping."""
        with self._wake:
            while not self._stopping:
                queued = self._store.in_state(JobState.QUEUED)
                if queued and self._events.move(queued[0].number, JobState.RUNNING):
                    self._current = RunningJob(replace(queued[0], state=JobState.RUNNING), self._events, self._clock)
                    return self._current
                if not queued:
                    self._wake.wait()
            return None

    def _finish(self, running: RunningJob, outcome: int | GraftError) -> None:
        # a job that was cancelled has its final state already, which `move` leaves as it is
        number = running.job.number
        if isinstance(outcome, int):
            self._events.move(number, JobState.SUCCEEDED, version=outcome)
        elif running.left and isinstance(outcome, CancelledError | UnavailableError):  # all stages may stop together
            self._events.move(number, JobState.QUEUED, message=STOPPED)
            return
        else:
            self._events.move(number, JobState.FAILED, reason=outcome.reason, message=outcome.message)
        self._folders.end(number)
