"""What the dataset methods refuse before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graft.errors import InvalidArgumentError
from graft.v1 import trainer_pb2 as pb
from trainer.importing import Importer, Stored, Views
from trainer.service.datasets import DatasetMethods
from trainer.service.messages import part_of_message
from trainer.split import Part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore


class NoPictures:
    """An extractor that has nothing and takes nothing, nor knows any views; it notes which were asked for."""

    def __init__(self) -> None:
        self.asked: list[Views] = []

    async def find_missing(self, digests: Sequence[bytes], views: Views) -> tuple[set[bytes], bytes]:
        """Miss everything."""
        self.asked.append(views)
        if views.count > 1:
            raise InvalidArgumentError("too many views", reason="TOO_MANY_VIEWS")
        return set(digests), b"1" * 16

    async def store(self, contents: Sequence[bytes], views: Views) -> tuple[list[Stored], bytes]:
        """Take nothing."""
        raise AssertionError(f"{len(contents)} pictures were sent for {views}")


@pytest.mark.parametrize(("items", "reason"), [(0, "NO_ITEMS"), (4, "TOO_MANY_ITEMS")])
async def test_messages_hold_some_items(
    datasets: DatasetStore, examples: ExampleStore, faces: str, items: int, reason: str
) -> None:
    """A message without items, or with too many, is refused."""
    methods = DatasetMethods(datasets, examples, Importer(NoPictures(), examples), max_items=3)

    async def requests() -> AsyncIterator[pb.ImportExamplesRequest]:
        yield pb.ImportExamplesRequest(dataset=faces, items=[pb.ImportItem(label="anna")] * items)

    with pytest.raises(InvalidArgumentError) as caught:
        _ = [each async for each in methods.ImportExamples(requests(), None)]
    assert caught.value.reason == reason
    assert caught.value.violations[0].subject == "items"


async def test_the_views_of_a_message_are_asked_for(datasets: DatasetStore, examples: ExampleStore, faces: str) -> None:
    """Number and seed reach the extractor; more than it takes end the call as the caller's mistake."""
    pictures = NoPictures()
    methods = DatasetMethods(datasets, examples, Importer(pictures, examples), max_items=3)

    async def requests(views: int) -> AsyncIterator[pb.ImportExamplesRequest]:
        item = pb.ImportItem(label="anna", digest=b"d" * 32)
        yield pb.ImportExamplesRequest(dataset=faces, items=[item], views=views, view_seed=2**64 - 1)

    (response,) = [each async for each in methods.ImportExamples(requests(1), None)]
    assert response.results[0].WhichOneof("result") == "error"
    with pytest.raises(InvalidArgumentError) as caught:
        _ = [each async for each in methods.ImportExamples(requests(2), None)]
    assert caught.value.reason == "TOO_MANY_VIEWS"
    assert pictures.asked == [Views(1, 2**64 - 1), Views(2, 2**64 - 1)]


def test_unknown_parts_are_refused() -> None:
    """A part that this Graft does not know never means all of them."""
    assert part_of_message(pb.PART_UNSPECIFIED) is None
    assert part_of_message(pb.PART_TEST) is Part.TEST
    request = pb.ListExamplesRequest.FromString(b"\x28\x63")  # field 5, part, is 99
    with pytest.raises(InvalidArgumentError) as caught:
        part_of_message(request.part)
    assert caught.value.reason == "INVALID_PART"
