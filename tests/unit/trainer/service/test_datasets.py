"""The dataset methods: what they refuse, what they pass on, and what they count."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import InvalidArgumentError
from graft.v1 import trainer_pb2 as pb
from trainer.catalog.corrections import CorrectionStore
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.examples import ExampleStore
from trainer.catalog.parts import PartStore
from trainer.datasets.importing import Importer, Stored, Views
from trainer.datasets.placing import Placer
from trainer.datasets.placing_thumbnails import Thumbnails
from trainer.datasets.split import Part
from trainer.service.datasets import DatasetMethods
from trainer.service.messages import part_of_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from numpy.typing import NDArray

    from trainer.catalog.connection import Catalog
    from trainer.datasets.importing import PictureStore


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


class NoVectors:
    """An extractor without vectors; it counts the questions."""

    def __init__(self) -> None:
        self.asked = 0

    def fingerprint(self) -> bytes:
        """Return a fingerprint."""
        return b"1" * 16

    def lookup(
        self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0
    ) -> tuple[NDArray[np.float32], list[bytes]]:
        """Miss everything."""
        self.asked += 1
        assert (view, view_seed) == (0, 0)
        return np.empty((0, 0), np.float32), list(digests)


def _methods(catalog: Catalog, pictures: PictureStore, features: NoVectors | None = None) -> DatasetMethods:
    examples = ExampleStore(catalog)
    return DatasetMethods(
        DatasetStore(catalog),
        examples,
        CorrectionStore(catalog),
        Importer(pictures, examples),
        Placer(PartStore(catalog), features or NoVectors(), Thumbnails(lambda digests: [b""] * len(digests))),
        max_items=3,
    )


@pytest.mark.parametrize(("items", "reason"), [(0, "NO_ITEMS"), (4, "TOO_MANY_ITEMS")])
async def test_messages_hold_some_items(catalog: Catalog, faces: str, items: int, reason: str) -> None:
    """A message without items, or with too many, is refused."""
    methods = _methods(catalog, NoPictures())

    async def requests() -> AsyncIterator[pb.ImportExamplesRequest]:
        yield pb.ImportExamplesRequest(dataset=faces, items=[pb.ImportItem(label="anna")] * items)

    with pytest.raises(InvalidArgumentError) as caught:
        _ = [each async for each in methods.ImportExamples(requests(), None)]
    assert caught.value.reason == reason
    assert caught.value.violations[0].subject == "items"


async def test_the_views_of_a_message_are_asked_for(catalog: Catalog, faces: str) -> None:
    """Number and seed reach the extractor; more than it takes end the call as the caller's mistake."""
    pictures = NoPictures()
    methods = _methods(catalog, pictures)

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


class AllPictures(NoPictures):
    """An extractor that has every vector that is asked for."""

    async def find_missing(self, digests: Sequence[bytes], views: Views) -> tuple[set[bytes], bytes]:
        """Miss nothing."""
        return set(), b"1" * 16


def _sha256(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


async def _answers(methods: DatasetMethods, *messages: pb.ImportExamplesRequest) -> list[pb.ImportExamplesResponse]:
    async def requests() -> AsyncIterator[pb.ImportExamplesRequest]:
        for each in messages:
            yield each

    return [each async for each in methods.ImportExamples(requests(), None)]


async def _import(methods: DatasetMethods, *messages: pb.ImportExamplesRequest) -> list[pb.ImportResult]:
    return [result for each in await _answers(methods, *messages) for result in each.results]


async def test_parts_are_honoured_and_conflicts_are_errors_of_their_item(catalog: Catalog, faces: str) -> None:
    """A wished part counts; another wish later, and a part that there is not, refuse that item alone."""
    methods = _methods(catalog, AllPictures())
    wishes = [[pb.PART_VALIDATION], [pb.PART_TEST], [pb.PART_TEST, 99]]
    items = [pb.ImportItem(label="anna", digest=b"d" * 32, parts=each) for each in wishes]
    results = await _import(methods, pb.ImportExamplesRequest(dataset=faces, items=items))
    assert results[0].outcome == pb.IMPORT_OUTCOME_ADDED
    reasons = [next(iter(each.error.details)).value for each in results[1:]]
    assert [b"PLACED_ELSEWHERE" in reasons[0], b"INVALID_PART" in reasons[1]] == [True, True]
    assert "items[1] (sha256 6464" in results[1].error.message
    assert "than test, and stays there" in results[1].error.message
    page = await methods.ListExamples(pb.ListExamplesRequest(dataset=faces, part=pb.PART_VALIDATION), None)
    assert b"d" * 32 in [each.digest for each in page.examples]


async def test_pictures_are_placed_when_the_import_ends(catalog: Catalog, datasets: DatasetStore) -> None:
    """The vectors are asked for once, after the last message, and not at all where nothing is new."""
    datasets.create("set")
    features = NoVectors()
    methods = _methods(catalog, AllPictures(), features)
    message = pb.ImportExamplesRequest(dataset="set", items=[pb.ImportItem(label="a", digest=_sha256(1))])
    await _import(methods, message, message)
    assert features.asked
    PartStore(catalog).place("set", {_sha256(1): Part.TEST})
    asked = features.asked
    await _import(methods, message)
    assert features.asked == asked


async def test_who_asks_is_told_how_far_placing_is(catalog: Catalog, datasets: DatasetStore) -> None:
    """After the answer, from nothing to all; who does not ask gets answers only."""
    datasets.create("set")
    methods = _methods(catalog, AllPictures())
    message = pb.ImportExamplesRequest(dataset="set", items=[pb.ImportItem(label="a", digest=_sha256(1))])
    assert len(await _answers(methods, message)) == 1
    message.tell_placing = True
    answer, *told = await _answers(methods, message)
    assert (len(answer.results), answer.HasField("placing")) == (1, False)
    assert not any(each.results for each in told)
    steps = [(each.placing.done, each.placing.total) for each in told]
    assert steps == sorted(steps)
    assert (steps[0][0], steps[-1]) == (0, (steps[0][1], steps[0][1]))


async def test_labels_are_corrected_on_the_wire(catalog: Catalog, faces: str) -> None:
    """Relabelling, merging and removing tell their counts; the dataset's digest follows when it is asked for."""
    methods = _methods(catalog, NoPictures())
    before = await methods.GetDataset(pb.GetDatasetRequest(name=faces, with_digest=True), None)
    assert len(before.dataset.digest) == 32
    items = [
        pb.RelabelItem(digest=_sha256(0), label="bert"),
        pb.RelabelItem(digest=_sha256(1), label="bert"),
        pb.RelabelItem(digest=_sha256(2), label="bert", from_label="anna"),
    ]
    relabelled = await methods.RelabelExamples(pb.RelabelExamplesRequest(dataset=faces, items=items), None)
    assert (relabelled.relabelled, relabelled.merged, relabelled.absent) == (1, 0, 1)
    after = await methods.GetDataset(pb.GetDatasetRequest(name=faces, with_digest=True), None)
    assert after.dataset.digest not in {b"", before.dataset.digest}
    merge = pb.MergeLabelsRequest(dataset=faces, labels=["anna", "bert"], into="anna")
    merged = await methods.MergeLabels(merge, None)
    assert (merged.relabelled, merged.merged, merged.absent) == (21, 0, 0)
    removal = pb.RemoveExamplesRequest(dataset=faces, digests=[_sha256(0)], labels=["anna", "ghost"])
    assert (await methods.RemoveExamples(removal, None)).removed == 40
    counts = (await methods.GetDataset(pb.GetDatasetRequest(name=faces), None)).dataset
    assert [each.label for each in counts.label_counts] == ["dóra", "čeněk"]
    assert counts.digest == b""
