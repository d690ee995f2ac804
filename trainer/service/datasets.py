"""The methods about datasets and their examples."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from graft.errors import InvalidArgumentError, Violation
from graft.serving.windows import in_order
from graft.v1 import trainer_pb2 as pb
from graft.v1 import trainer_pb2_grpc as pb_grpc
from trainer.catalog.corrections import Relabelling
from trainer.catalog.examples import check_digests
from trainer.datasets.importing import ImportCall, Views
from trainer.service.messages import dataset_message, example_message, import_result, item_of_message, part_of_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.catalog.corrections import CorrectionStore
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.importing import Importer
    from trainer.datasets.placing import Placer

    Context = Any

# Messages of one import that are worked on at once: while one is written down, the trunk has the next.
_IMPORT_WINDOW: Final = 4


class DatasetMethods(pb_grpc.TrainerServiceServicer):
    """Datasets on the wire.

    SQLite is asked in threads: an import that waits for a disk must not hold up a health check.

    Args:
        datasets: the datasets.
        examples: their examples.
        corrections: corrects their labels.
        importer: adds examples with their vectors.
        placer: places them in the parts of their datasets.
        max_items: items in one message of an import.
    """

    def __init__(
        self,
        datasets: DatasetStore,
        examples: ExampleStore,
        corrections: CorrectionStore,
        importer: Importer,
        placer: Placer,
        max_items: int,
        **others: Any,
    ) -> None:
        super().__init__(**others)
        self._datasets = datasets
        self._examples = examples
        self._corrections = corrections
        self._importer = importer
        self._placer = placer
        self._max_items = max_items

    async def CreateDataset(self, request: pb.CreateDatasetRequest, context: Context) -> pb.CreateDatasetResponse:
        """Create an empty dataset."""
        dataset = await asyncio.to_thread(self._datasets.create, request.name)
        return pb.CreateDatasetResponse(dataset=dataset_message(dataset))

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Context) -> pb.GetDatasetResponse:
        """Tell what a dataset holds."""
        dataset = await asyncio.to_thread(self._datasets.get, request.name)
        counts = await asyncio.to_thread(self._examples.counts, request.name)
        digest = await asyncio.to_thread(self._examples.sha256, request.name) if request.with_digest else b""
        return pb.GetDatasetResponse(dataset=dataset_message(dataset, counts, digest))

    async def ListDatasets(self, request: pb.ListDatasetsRequest, context: Context) -> pb.ListDatasetsResponse:
        """List datasets by name."""
        page = await asyncio.to_thread(self._datasets.list_page, request.page_size, request.page_token)
        return pb.ListDatasetsResponse(
            datasets=[dataset_message(each) for each in page.items], next_page_token=page.next_token
        )

    async def DeleteDataset(self, request: pb.DeleteDatasetRequest, context: Context) -> pb.DeleteDatasetResponse:
        """Delete a dataset."""
        await asyncio.to_thread(self._datasets.delete, request.name)
        return pb.DeleteDatasetResponse()

    async def ImportExamples(
        self, request_iterator: AsyncIterator[pb.ImportExamplesRequest], context: Context
    ) -> AsyncIterator[pb.ImportExamplesResponse]:
        """Add labelled pictures; each message is answered when all of it is on disk, and all are placed at the end."""
        dataset, call, telling = "", ImportCall(), False

        async def answer(request: pb.ImportExamplesRequest) -> pb.ImportExamplesResponse:
            nonlocal dataset, telling
            first, telling = not dataset, telling or request.tell_placing
            dataset = _dataset_of(request, dataset)
            _check_count(request, self._max_items)
            if first:
                await asyncio.to_thread(self._datasets.get, dataset)
            items = [item_of_message(item) for item in request.items]
            added = await self._importer.add(call, dataset, items, Views(request.views, request.view_seed))
            return pb.ImportExamplesResponse(results=[import_result(each) for each in added])

        async for response in in_order(request_iterator, answer, _IMPORT_WINDOW):
            yield response
        if not dataset:
            return
        async for done, total in _steps_of(lambda report: self._placer.place_after_import(dataset, report)):
            if telling:
                yield pb.ImportExamplesResponse(placing=pb.PlacingProgress(done=done, total=total))

    async def ListExamples(self, request: pb.ListExamplesRequest, context: Context) -> pb.ListExamplesResponse:
        """List examples by label and digest."""
        page = await asyncio.to_thread(
            self._examples.list_page,
            request.dataset,
            label=request.label,
            part=part_of_message(request.part),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListExamplesResponse(
            examples=[example_message(each) for each in page.items], next_page_token=page.next_token
        )

    async def RemoveExamples(self, request: pb.RemoveExamplesRequest, context: Context) -> pb.RemoveExamplesResponse:
        """Remove examples by digest and by label."""
        check_digests(request.digests)
        removed = await asyncio.to_thread(self._examples.remove_digests, request.dataset, list(request.digests))
        if request.labels:
            removed += await asyncio.to_thread(self._corrections.remove_labels, request.dataset, list(request.labels))
        return pb.RemoveExamplesResponse(removed=removed)

    async def RelabelExamples(self, request: pb.RelabelExamplesRequest, context: Context) -> pb.RelabelExamplesResponse:
        """Give pictures other labels."""
        wanted = [Relabelling(item.digest, item.label, item.from_label) for item in request.items]
        done = await asyncio.to_thread(self._corrections.relabel, request.dataset, wanted)
        return pb.RelabelExamplesResponse(relabelled=done.relabelled, merged=done.merged, absent=done.absent)

    async def MergeLabels(self, request: pb.MergeLabelsRequest, context: Context) -> pb.MergeLabelsResponse:
        """Give all examples of some labels one label."""
        done = await asyncio.to_thread(
            self._corrections.merge_labels, request.dataset, list(request.labels), request.into
        )
        return pb.MergeLabelsResponse(relabelled=done.relabelled, merged=done.merged, absent=done.absent)


async def _steps_of(work: Callable[[Callable[[int, int], None]], object]) -> AsyncIterator[tuple[int, int]]:
    """Do the work in a thread; yield what it reports; raise what it raised at the end."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()

    def report(done: int, total: int) -> None:
        loop.call_soon_threadsafe(told.put_nowait, (done, total))

    doing = asyncio.ensure_future(asyncio.to_thread(work, report))
    doing.add_done_callback(lambda _: told.put_nowait(None))
    while (steps := await told.get()) is not None:
        yield steps
    await doing


def _dataset_of(request: pb.ImportExamplesRequest, begun: str) -> str:
    """The dataset of a message; `begun` is that of the messages before it, empty for the first."""
    if (request.dataset or begun) and begun in {"", request.dataset or begun}:
        return request.dataset or begun
    problem = f"differs from {begun!r}, that of the first message" if begun else "must be set in the first message"
    raise InvalidArgumentError(
        f"dataset {problem}", reason="DATASET_REQUIRED", violations=(Violation("dataset", problem),)
    )


def _check_count(request: pb.ImportExamplesRequest, limit: int) -> None:
    if not request.items:
        raise InvalidArgumentError(
            f"the message holds no items: send 1 to {limit} in one",
            reason="NO_ITEMS",
            violations=(Violation("items", f"must hold 1 to {limit}"),),
        )
    if len(request.items) > limit:
        raise InvalidArgumentError(
            f"the message holds {len(request.items)} items: send at most {limit} in one",
            reason="TOO_MANY_ITEMS",
            violations=(Violation("items", f"must hold at most {limit}"),),
        )
