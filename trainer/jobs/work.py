"""What the job runner asks of whoever does the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.job_records import Job
    from trainer.jobs.progress import Progress


class Work(Protocol):
    """What jobs do; `trainer.jobs.training.Training` is one."""

    def check(self, dataset: str) -> None:
        """Raise the GraftError that a job on this dataset would fail for right now."""

    def run(
        self,
        job: Job,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        commit: Callable[[], None],
        note: Callable[[str], None],
    ) -> int:
        """Do the job and return the version it made; `report` and `commit` raise CancelledError once cancelled.

        A job that a former process began goes on where it was; `note` takes what people should know of that.
        """
        ...
