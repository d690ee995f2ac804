"""The adapter to the extractor, against a real server that answers what the test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest

from graft.errors import FailedPreconditionError, UnavailableError
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc
from trainer.features import ExtractorFeatures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DIGEST = b"d" * 32


class FakeExtractor(pb_grpc.FeatureExtractorServiceServicer):
    """Answers a stream of pictures with `results` of them, look-ups with a row under each of `fingerprints`."""

    def __init__(self) -> None:
        self.results = 2
        self.fingerprints = [b"1" * 16]

    async def StreamFeatures(
        self, request_iterator: AsyncIterator[pb.StreamFeaturesRequest], context: Any
    ) -> AsyncIterator[pb.StreamFeaturesResponse]:
        """Answer each message, or fewer pictures than it has."""
        async for _ in request_iterator:
            results = [pb.FeatureResult(digest=_DIGEST, cached=bool(place)) for place in range(self.results)]
            if results:
                yield pb.StreamFeaturesResponse(fingerprint=self.fingerprints[0], results=results)

    async def FindMissing(self, request: pb.FindMissingRequest, context: Any) -> pb.FindMissingResponse:
        """Miss everything."""
        return pb.FindMissingResponse(missing_digests=request.digests, fingerprint=self.fingerprints[0])

    async def LookupFeatures(
        self, request: pb.LookupFeaturesRequest, context: Any
    ) -> AsyncIterator[pb.LookupFeaturesResponse]:
        """Answer one row under each fingerprint."""
        for fingerprint in self.fingerprints:
            yield pb.LookupFeaturesResponse(
                fingerprint=fingerprint, dimensions=1, digests=[_DIGEST], vectors=b"\0\0\0\0"
            )


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
