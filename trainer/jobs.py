"""The job runner: one job at a time in a thread of its own, first come, first served, watched by any number."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graft.errors import CancelledError, GraftError, InternalError, ResourceExhaustedError
from graft.names import check_name
from trainer import recipes
from trainer.catalog.job_records import Job, JobEvent, JobState
from trainer.pace import Pace
from trainer.slot import Slot
from trainer.subscriptions import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trainer.catalog.jobs import JobStore
    from trainer.progress import Progress
    from trainer.registry import Registry
    from trainer.work import Work

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_INTERRUPTED = (
    "the trainer stopped while this job ran; nothing of it was kept. Create the job again: the vectors are cached"
)


class JobRunner:
    """Runs the jobs in the catalog; all methods are safe to call from any thread."""

    def __init__(
        self,
        store: JobStore,
        work: Work,
        registry: Registry,
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
            registry: tells which version an interrupted job made, if it made one.
            slot: what jobs share with analyses; None is one of their own.
            max_queued: jobs that may wait.
            clock: seconds, for the pace of recorded progress.
            retry_s: pause after the catalog failed, as it does while the disk is full.
        """
        self._store, self._work, self._registry = store, work, registry
        self._slot = slot or Slot()
        self._max_queued, self._clock, self._retry_s = max_queued, clock, retry_s
        self._events: Subscribers[tuple[int, JobEvent]] = Subscribers()
        # guards the four below; taken before the locks of store and subscribers, never after them
        self._wake = threading.Condition()
        self._current = 0  # number of the running job, 0 for none
        self._committing = False  # the running job is writing its version, or its end, and can no longer be cancelled
        self._stopping = False
        self._cancel = threading.Event()  # tells the running job to end; a new one for each job
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Settle what a former process left RUNNING, then run what is QUEUED."""
        for job in self._store.in_state(JobState.RUNNING):
            made = self._registry.version_of_job(job.number)
            if made is None:
                self._move(job.number, JobState.INTERRUPTED, reason="JOB_INTERRUPTED", message=_INTERRUPTED)
            else:  # killed between writing the version and saying so
                self._move(job.number, JobState.SUCCEEDED, version=made.version)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Interrupt the running job, leave the queued ones for the next start; return whether the thread ended."""
        with self._wake:
            self._stopping = True
            if self._current and not self._committing:
                self._cancel.set()
                try:
                    self._move(self._current, JobState.INTERRUPTED, reason="JOB_INTERRUPTED", message=_INTERRUPTED)
                except Exception:  # noqa: BLE001 - whatever the catalog has, the thread must end
                    _log.exception("job-%d could not be recorded as interrupted; the next start does", self._current)
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
        classifier = check_name("classifier", classifier or dataset)
        settings = recipes.to_dict(recipes.from_dict(recipe or {}))
        first = self._store.recall(dataset, classifier, settings, request_id)
        if first is not None:
            return first  # whatever became of the dataset or the queue since
        self._work.check(dataset)
        waiting = len(self._store.in_state(JobState.QUEUED))
        if waiting >= self._max_queued:
            raise ResourceExhaustedError(
                f"{waiting} jobs are queued already: wait for some to end", reason="JOB_QUEUE_FULL", retry_after_s=10.0
            )
        job = self._store.create(dataset, classifier, settings, request_id=request_id)
        with self._wake:
            self._wake.notify_all()
        return job

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued or running job and return it; a finished one, or one that is writing its version, stays.

        Raises:
            NotFoundError: reason JOB_NOT_FOUND.
        """
        number = self._store.get(job_id).number
        with self._wake:
            running = number == self._current
            if not (running and self._committing):
                self._move(number, JobState.CANCELLED, reason="JOB_CANCELLED", message="cancelled on request")
                if running:
                    self._cancel.set()
        return self._store.get(job_id)

    def subscribe(self, job_id: str, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        """Call back with the job's history, then with what happens; return how to stop (`trainer.subscriptions`).

        The last event of a job has a final state.

        Raises:
            NotFoundError: reason JOB_NOT_FOUND.
        """
        number = self._store.get(job_id).number

        def filtered(event: tuple[int, JobEvent]) -> None:
            if event[0] == number:
                callback(event[1])

        return self._events.subscribe(filtered, lambda: [(number, event) for event in self._store.events(number)])

    def _move(self, number: int, state: JobState, *, reason: str = "", message: str = "", version: int = 0) -> bool:
        """Move a job and tell the watchers; False if it had ended already."""

        def make() -> tuple[int, JobEvent] | None:
            event = self._store.move(number, state, reason=reason, message=message, version=version)
            return None if event is None else (number, event)

        return self._events.publish(make) is not None

    def _loop(self) -> None:
        while (job := self._insist("the next job could not be taken", self._next)) is not None:
            outcome = self._run(job)
            with self._wake:
                self._committing = True
            self._insist(f"the end of {job.job_id} could not be recorded", partial(self._finish, job.number, outcome))
            with self._wake:
                self._current, self._committing = 0, False

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

    def _next(self) -> Job | None:
        """Wait for a queued job and move it to RUNNING; None when stopping."""
        with self._wake:
            while not self._stopping:
                queued = self._store.in_state(JobState.QUEUED)
                if queued and self._move(queued[0].number, JobState.RUNNING):
                    self._current, self._cancel = queued[0].number, threading.Event()
                    return replace(queued[0], state=JobState.RUNNING)
                if not queued:
                    self._wake.wait()
            return None

    def _run(self, job: Job) -> int | GraftError:
        """Do a job and return its version or why it has none."""
        try:
            with self._slot.taken(self._cancel.is_set):
                return self._work.run(job, self._reporter(job.number), self._cancel.is_set, self._commit)
        except Exception as error:  # noqa: BLE001 - whatever it was, the job says INTERNAL and the log the rest
            if isinstance(error, GraftError) and not isinstance(error, InternalError):
                return error
            _log.exception("job-%d failed", job.number)
            return InternalError("a fault of the trainer: its log has the details")

    def _finish(self, number: int, outcome: int | GraftError) -> None:
        # a job that was cancelled or interrupted has its final state already, which `_move` leaves as it is
        if isinstance(outcome, int):
            self._move(number, JobState.SUCCEEDED, version=outcome)
        elif isinstance(outcome, CancelledError):  # by a stop that could not record it
            self._move(number, JobState.INTERRUPTED, reason="JOB_INTERRUPTED", message=_INTERRUPTED)
        else:
            self._move(number, JobState.FAILED, reason=outcome.reason, message=outcome.message)

    def _commit(self) -> None:
        with self._wake:
            self._raise_if_cancelled()
            self._committing = True

    def _raise_if_cancelled(self) -> None:
        if self._cancel.is_set():
            raise CancelledError("the job was cancelled", reason="JOB_CANCELLED")

    def _reporter(self, number: int) -> Callable[[Progress], None]:
        """Return what a job reports its progress to."""
        pace = Pace(self._clock)

        def report(progress: Progress) -> None:
            self._raise_if_cancelled()
            if not pace.due(progress):
                return

            def make() -> tuple[int, JobEvent] | None:
                event = self._store.add_progress(number, progress)
                return None if event is None else (number, event)

            self._events.publish(make)

        return report
