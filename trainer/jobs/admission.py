"""Which jobs are let into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import ResourceExhaustedError
from graft.names import check_name
from trainer import recipes
from trainer.catalog.job_records import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trainer.catalog.job_records import Job
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.work import Work


def admit(
    store: JobStore,
    work: Work,
    max_queued: int,
    *,
    dataset: str,
    classifier: str,
    recipe: Mapping[str, Any],
    request_id: str,
) -> Job:
    """Queue a job and return it; arguments and errors as in `trainer.jobs.runner.JobRunner.create`."""
    classifier = check_name("classifier", classifier or dataset)
    settings = recipes.to_dict(recipes.from_dict(recipe))
    first = store.recall(dataset, classifier, settings, request_id)
    if first is not None:
        return first  # whatever became of the dataset or the queue since
    work.check(dataset)
    waiting = len(store.in_state(JobState.QUEUED))
    if waiting >= max_queued:
        raise ResourceExhaustedError(
            f"{waiting} jobs are queued already: wait for some to end", reason="JOB_QUEUE_FULL", retry_after_s=10.0
        )
    return store.create(dataset, classifier, settings, request_id=request_id)
