"""The trainer's side: it hands a fit to several workers, follows them, and says clearly if one is lost."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graft.errors import AbortedError, CancelledError, FailedPreconditionError, InternalError
from trainer import recipes
from trainer.fitting.fitting import Fitting
from trainer.jobs.checkpoints import JobCheckpoints
from trainer.jobs.progress import Progress
from trainer.workers.crew import DistantCrew, LocalCrew
from trainer.workers.events import Heard
from trainer.workers.fitted import read_fitted
from trainer.workers.lost_checkpoints import LostCheckpoints
from trainer.workers.task import TASK_FILE, Task, fitted_file, new_attempt, write_task
from trainer.workers.training import fit_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer.fitting.checkpoints import Checkpoints
    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.jobs.training import Fit
    from trainer.recipes import Recipe
    from trainer.workers.crew import Crew

WORKERS_FOLDER: Final = "workers"
LOST_FOLDER: Final = "lost"

_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class WorkersFit:
    """Fits heads as `trainer.fitting.fit.fit` does; a job's own head with the workers that its recipe names.

    What else a job fits, the heads of its cross-validation, is fitted in the trainer's process: those fits are many
    and short, and nobody would resume them. They are told by their checkpoints, which are none.

    Attributes:
        fit: `trainer.fitting.fit.fit`.
        threads: that TensorFlow trains with, shared by the workers of this machine; 0 is one for each processor.
        elsewhere: whether others start the workers, on machines that share the job's folder.
        begin_s: seconds that those are given to begin.
    """

    fit: Fit
    threads: int
    elsewhere: bool = False
    begin_s: float = 600.0

    def __call__(
        self,
        recipe: Recipe,
        data: TrainingData,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        checkpoints: Checkpoints,
    ) -> FittedHead:
        """Fit a head.

        Raises:
            GraftError: those of `trainer.fitting.fit.fit`.
            AbortedError: reason WORKER_LOST; the same job created again goes on from the last checkpoint.
        """
        workers = getattr(recipe, "workers", 0)
        if not workers or not isinstance(checkpoints, JobCheckpoints):
            return self.fit(recipe, data, on_progress, cancelled, checkpoints)
        if workers == 1:
            return _fit_alone(recipe, data, Fitting(recipe, data, on_progress, cancelled, checkpoints))
        folder = checkpoints.path.parent / WORKERS_FOLDER
        document = recipes.to_dict(recipe)
        lost = LostCheckpoints(checkpoints.path.parent.parent / LOST_FOLDER)
        threads = self.threads if self.elsewhere else threads_each(self.threads, workers)
        task = Task(
            attempt=new_attempt(),
            workers=workers,
            threads=threads,
            recipe=document,
            classes=data.classes,
            checkpoint_file=os.path.relpath(checkpoints.path, folder),
            origin=dict(checkpoints.origin),
            every_s=checkpoints.every_s,
        )
        write_task(folder, task, data)
        lost.give_back(checkpoints.path, document, checkpoints.origin)
        crew = DistantCrew(folder, task, self.begin_s) if self.elsewhere else LocalCrew(folder, task)
        try:
            return _follow(folder, task, crew, on_progress, cancelled, checkpoints.note)
        except _LostError as error:
            kept = lost.keep(checkpoints.path, document, checkpoints.origin)
            place = "its last checkpoint" if kept else "the beginning: there was no checkpoint yet"
            raise AbortedError(
                f"{error}; create the job again, with the same recipe on the same dataset, and it goes on from {place}",
                reason="WORKER_LOST",
            ) from None
        finally:
            (folder / TASK_FILE).unlink(missing_ok=True)  # workers that still run end by this


def _fit_alone(recipe: Recipe, data: TrainingData, fitting: Fitting) -> FittedHead:
    """Do what two workers do, in this process."""
    from trainer.workers.parts import HalvedNetwork  # it imports TensorFlow, which takes seconds

    return fit_network(recipe, data, fitting, HalvedNetwork)


def threads_each(threads: int, workers: int) -> int:
    """Return how many of the trainer's threads each of its workers has: its part of them, but at least one."""
    return max(1, (threads or os.cpu_count() or 1) // workers)


class _LostError(Exception):
    """A worker is lost; the text says which and how."""


def _follow(
    folder: Path,
    task: Task,
    crew: Crew,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    note: Callable[[str], None],
) -> FittedHead:
    """Pass on what the chief tells until the head is there."""
    heard, pause, place = Heard(folder, task.attempt), threading.Event(), "before its first report"
    with crew:
        while True:
            lost = crew.lost()  # asked before the events are read: what a worker told before its end counts
            for what, content in heard.new():
                if what == "fitted":
                    return _fitted(fitted_file(folder, task))
                if what == "refused":
                    raise _refusal(content)
                if what == "note":
                    note(content)
                if what == "progress":
                    progress = Progress.from_dict(content)
                    place = f"after step {progress.step} of {progress.phase}"
                    on_progress(progress)
            if lost is not None:
                raise _LostError(f"{lost}, {place}")
            if cancelled():
                raise CancelledError("the training was cancelled", reason="JOB_CANCELLED")
            pause.wait(_LOOK_S)


def _fitted(path: Path) -> FittedHead:
    try:
        return read_fitted(path)
    except (OSError, ValueError) as error:
        raise InternalError(f"what the chief wrote cannot be read: {error}") from error


def _refusal(told: dict[str, Any]) -> FailedPreconditionError | InternalError:
    if told["code"] == FailedPreconditionError.code:
        return FailedPreconditionError(told["message"], reason=told["reason"])
    return InternalError(f"the chief failed: {told['message']}")
