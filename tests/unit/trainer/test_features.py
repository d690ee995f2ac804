"""The adapter to the extractor, against a real server that answers what the test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest
from grpc_status import rpc_status

from graft import statuses
from graft.errors import FailedPreconditionError, InvalidArgumentError, UnavailableError
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc
from trainer.datasets.importing import Views
from trainer.features import ExtractorFeatures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DIGEST = b"d" * 32


class FakeExtractor(pb_grpc.FeatureExtractorServiceServicer):
    """Answers a stream of pictures with `results` of them, look-ups with a row under each of `fingerprints`.

    `view_cached` says whether each view came from the cache; more than two views are refused. Requests are noted.
    """

    def __init__(self) -> None:
        self.results = 2
        self.view_cached = True
        self.requests: list[Any] = []
        self.fingerprints = [b"1" * 16]

    async def StreamFeatures(
        self, request_iterator: AsyncIterator[pb.StreamFeaturesRequest], context: Any
    ) -> AsyncIterator[pb.StreamFeaturesResponse]:
        """Answer each message, or fewer pictures than it has."""
        async for request in request_iterator:
            await self._note(request, request.views, context)
            views = [pb.ViewFeature(view=number + 1, cached=self.view_cached) for number in range(request.views)]
            results = [
                pb.FeatureResult(digest=_DIGEST, cached=bool(place), views=views) for place in range(self.results)
            ]
            if results:
                yield pb.StreamFeaturesResponse(fingerprint=self.fingerprints[0], results=results)

    async def FindMissing(self, request: pb.FindMissingRequest, context: Any) -> pb.FindMissingResponse:
        """Miss everything."""
        await self._note(request, request.views, context)
        return pb.FindMissingResponse(missing_digests=request.digests, fingerprint=self.fingerprints[0])

    async def LookupFeatures(
        self, request: pb.LookupFeaturesRequest, context: Any
    ) -> AsyncIterator[pb.LookupFeaturesResponse]:
        """Answer one row under each fingerprint."""
        await self._note(request, request.view, context)
        for fingerprint in self.fingerprints:
            yield pb.LookupFeaturesResponse(
                fingerprint=fingerprint, dimensions=1, digests=[_DIGEST], vectors=b"\0\0\0\0"
            )

    async def _note(self, request: Any, views: int, context: Any) -> None:
        self.requests.append(request)
        if views > 2:
            error = InvalidArgumentError("at most 2 views", reason="TOO_MANY_VIEWS")
            await context.abort_with_status(rpc_status.to_status(statuses.to_status(error)))


@pytest.fixture
def extractor() -> FakeExtractor:
    """Return an extractor that answers as asked."""
    return FakeExtractor()


@pytest.fixture
async def features(extractor: FakeExtractor) -> AsyncIterator[ExtractorFeatures]:
    """Return the adapter to a server of the extractor."""
    server = grpc.aio.server()
    pb_grpc.add_FeatureExtractorServiceServicer_to_server(extractor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.FeatureExtractorServiceStub(channel)
        yield ExtractorFeatures(stub, asyncio.get_running_loop())
    await server.stop(None)


async def test_answers_come_with_their_fingerprint(features: ExtractorFeatures) -> None:
    """Both answers to an import say which trunk they are of."""
    assert await features.find_missing([_DIGEST]) == ({_DIGEST}, b"1" * 16)
    stored, fingerprint = await features.store([b"a", b"b"])
    assert [each.computed for each in stored] == [True, False]
    assert fingerprint == b"1" * 16


@pytest.mark.parametrize("results", [0, 1])
async def test_an_answer_that_ends_early_is_an_absence(
    features: ExtractorFeatures, extractor: FakeExtractor, results: int
) -> None:
    """Fewer results than pictures are never taken for all of them."""
    extractor.results = results
    with pytest.raises(UnavailableError, match=f"{results} of 2") as caught:
        await features.store([b"a", b"b"])
    assert caught.value.reason == "EXTRACTOR_UNAVAILABLE"
    assert caught.value.retry_after_s > 0


async def test_two_trunks_in_one_look_up_are_refused(features: ExtractorFeatures, extractor: FakeExtractor) -> None:
    """A job is told that the trunk changed, by the same reason wherever it is noticed."""
    extractor.fingerprints = [b"1" * 16, b"2" * 16]
    with pytest.raises(FailedPreconditionError) as caught:
        await asyncio.to_thread(features.lookup, [_DIGEST, _DIGEST])
    assert caught.value.reason == "FINGERPRINT_CHANGED"


async def test_views_are_asked_for_with_their_seed(features: ExtractorFeatures, extractor: FakeExtractor) -> None:
    """Imports ask for all views of a seed, look-ups for the vectors of one."""
    await features.find_missing([_DIGEST], Views(2, 7))
    await features.store([b"a", b"b"], Views(2, 7))
    matrix, _ = await asyncio.to_thread(features.lookup, [_DIGEST], 2, 7)
    assert matrix.shape == (1, 1)
    find, store, lookup = extractor.requests
    assert (find.views, find.view_seed) == (store.views, store.view_seed) == (2, 7)
    assert (lookup.view, lookup.view_seed) == (2, 7)


@pytest.mark.parametrize(("view_cached", "computed"), [(True, [True, False]), (False, [True, True])])
async def test_a_picture_is_computed_if_one_of_its_views_is(
    features: ExtractorFeatures, extractor: FakeExtractor, *, view_cached: bool, computed: list[bool]
) -> None:
    """A cached picture whose views were not cached went through the trunk."""
    extractor.view_cached = view_cached
    stored, _ = await features.store([b"a", b"b"], Views(2, 7))
    assert [each.computed for each in stored] == computed


async def test_too_many_views_are_the_callers_mistake(features: ExtractorFeatures) -> None:
    """The extractor's refusal comes through as it is."""
    for ask in (features.find_missing([_DIGEST], Views(3)), features.store([b"a"], Views(3))):
        with pytest.raises(InvalidArgumentError, match="at most 2") as caught:
            await ask
        assert caught.value.reason == "TOO_MANY_VIEWS"
    with pytest.raises(InvalidArgumentError):
        await asyncio.to_thread(features.lookup, [_DIGEST], 3)
