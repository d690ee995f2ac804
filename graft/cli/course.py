"""A job's course on the screen: a bar with loss and accuracy, or a line now and then where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.cli import output
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from graft.client import Client, Job, Progress

_LINES_A_PHASE = 10


def follow(client: Client, job_id: str) -> Job:
    """Show a job until it ends, on standard error, and return it.

    Raises:
        UnavailableError: the watch broke; the job may go on.
    """
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from graft.client import Job

    console = output.console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        course = _Course(console, bar)
        last: Job | None = None
        for event in client.watch(job_id):
            if isinstance(event, Job):
                last = event
                course.state(event)
            else:
                course.progress(event)
    if last is None or not last.ended:
        raise UnavailableError(
            f"the watch of job {job_id} ended before the job did; `graft watch {job_id}` goes on", reason="WATCH_ENDED"
        )
    return last


class _Course:
    """What was shown so far."""

    def __init__(self, console: Console, bar: Bar) -> None:
        self._console = console
        self._bar = bar
        self._task: TaskID = bar.add_task("waiting", total=None, numbers="")
        self._shown = ("", -1)

    def state(self, job: Job) -> None:
        """Show a job's new state."""
        self._bar.update(self._task, description=job.state.value)
        if job.note or not self._console.is_terminal:
            note = f" ({job.note})" if job.note else ""
            self._console.print(f"job {job.job_id}: {job.state.value}{note}", highlight=False)

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        numbers = describe(progress)
        self._bar.update(
            self._task,
            description=progress.phase,
            total=progress.total or None,
            completed=progress.done,
            numbers=numbers,
        )
        part = (progress.phase, progress.done * _LINES_A_PHASE // max(progress.total, 1))
        if not self._console.is_terminal and part != self._shown:
            self._console.print(f"{progress.phase} {numbers}")
        self._shown = part


def describe(progress: Progress) -> str:
    """Return progress in numbers, for example `30/100 · epoch 3 · loss 0.512 · validation 75.0 %`."""
    parts = [f"{progress.done}/{progress.total}"] if progress.total else []
    if progress.epoch:
        parts.append(f"epoch {progress.epoch}")
    if progress.train_loss is not None:
        parts.append(f"loss {progress.train_loss:.3f}")
    if progress.validation_loss is not None:
        parts.append(f"validation loss {progress.validation_loss:.3f}")
    if progress.validation_accuracy is not None:
        parts.append(f"validation {output.percent(progress.validation_accuracy)}")
    return " · ".join(parts)
