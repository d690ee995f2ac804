"""The methods about training jobs."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from graft.v1 import trainer_pb2 as pb
from graft.v1 import trainer_pb2_grpc as pb_grpc
from trainer.jobs.repeating import recipe_like, refuse_both
from trainer.service.job_messages import job_message, progress_message, state_message
from trainer.service.job_watch import JobWatch
from trainer.service.recipe_messages import recipe_document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trainer.catalog.jobs import JobStore
    from trainer.jobs.runner import JobRunner
    from trainer.registry.registry import Registry

    Context = Any


class JobMethods(pb_grpc.TrainerServiceServicer):
    """Jobs on the wire.

    Args:
        runner: runs them.
        jobs: remembers them.
        registry: has the versions whose recipes may be repeated.
    """

    def __init__(self, runner: JobRunner, jobs: JobStore, registry: Registry, **others: Any) -> None:
        super().__init__(**{**others, "registry": registry})  # the registry's own methods want it, too
        self._runner = runner
        self._jobs = jobs
        self._recipe_like = partial(recipe_like, registry)

    async def CreateTrainingJob(
        self, request: pb.CreateTrainingJobRequest, context: Context
    ) -> pb.CreateTrainingJobResponse:
        """Queue a job."""
        recipe = recipe_document(request.recipe)
        if request.HasField("like"):
            refuse_both(given=request.HasField("recipe"))
            recipe = await asyncio.to_thread(self._recipe_like, request.like.classifier, request.like.version)
        job = await asyncio.to_thread(
            self._runner.create,
            request.dataset,
            request.classifier,
            recipe,
            request_id=request.request_id,
        )
        return pb.CreateTrainingJobResponse(job=job_message(job))

    async def GetTrainingJob(self, request: pb.GetTrainingJobRequest, context: Context) -> pb.GetTrainingJobResponse:
        """Tell how a job stands."""
        job = await asyncio.to_thread(self._jobs.get, request.job_id)
        return pb.GetTrainingJobResponse(job=job_message(job))

    async def ListTrainingJobs(
        self, request: pb.ListTrainingJobsRequest, context: Context
    ) -> pb.ListTrainingJobsResponse:
        """List jobs, the newest first."""
        page = await asyncio.to_thread(self._jobs.list_page, page_size=request.page_size, page_token=request.page_token)
        return pb.ListTrainingJobsResponse(
            jobs=[job_message(each) for each in page.items], next_page_token=page.next_token
        )

    async def CancelTrainingJob(
        self, request: pb.CancelTrainingJobRequest, context: Context
    ) -> pb.CancelTrainingJobResponse:
        """Cancel a job."""
        job = await asyncio.to_thread(self._runner.cancel, request.job_id)
        return pb.CancelTrainingJobResponse(job=job_message(job))

    async def WatchTrainingJob(
        self, request: pb.WatchTrainingJobRequest, context: Context
    ) -> AsyncIterator[pb.WatchTrainingJobResponse]:
        """Replay a job's history, then follow it to its end."""
        watch = JobWatch()
        unsubscribe = await asyncio.to_thread(self._runner.subscribe, request.job_id, watch.heard)
        try:
            while True:
                event = await watch.next()
                if event.progress is not None:
                    yield pb.WatchTrainingJobResponse(progress=progress_message(event.progress))
                    continue
                yield state_message(await asyncio.to_thread(self._jobs.get, request.job_id), event)
                if event.state.final:
                    return
        finally:
            await asyncio.to_thread(unsubscribe)
