"""Which calls Graft's channels repeat by themselves, and what gRPC's own refusals become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from graft import statuses
from graft.channels import open_channel
from graft.errors import AbortedError, GraftError, ResourceExhaustedError, UnavailableError
from graft.serving.testing import serving
from graft.v1 import common_pb2, feature_extractor_pb2, feature_extractor_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PHOTOGRAPH = b"x" * 4_000_000
"""More than gRPC keeps of a call for its retries unless it is told to."""


class Refusing(feature_extractor_pb2_grpc.FeatureExtractorServiceServicer):
    """Refuses some calls, then answers."""

    def __init__(self) -> None:
        self.errors: list[GraftError] = []
        self.calls = 0

    async def ExtractFeatures(self, request: Any, context: Any) -> feature_extractor_pb2.ExtractFeaturesResponse:
        """Raise the next error, if one is left."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return feature_extractor_pb2.ExtractFeaturesResponse(dimensions=len(request.images))

    async def FindMissing(self, request: Any, context: Any) -> feature_extractor_pb2.FindMissingResponse:
        """End without a reason."""
        self.calls += 1
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "a quota of a proxy")

    async def GetCacheStats(self, request: Any, context: Any) -> feature_extractor_pb2.GetCacheStatsResponse:
        """End without a reason."""
        await context.abort(grpc.StatusCode.ABORTED, "a proxy gave up")


@pytest.fixture
async def refusing() -> AsyncIterator[tuple[Refusing, feature_extractor_pb2_grpc.FeatureExtractorServiceAsyncStub]]:
    """Return a server and a stub whose channel retries."""
    servicer = Refusing()

    def register(handlers: Any) -> None:
        feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server(servicer, handlers)

    async with serving(register) as address, open_channel(address, 5_000_000) as channel:
        yield servicer, feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)


def request(content: bytes) -> feature_extractor_pb2.ExtractFeaturesRequest:
    """Return a message of one picture."""
    return feature_extractor_pb2.ExtractFeaturesRequest(images=[common_pb2.Image(content=content)])


@pytest.mark.parametrize("error", [ResourceExhaustedError, UnavailableError])
@pytest.mark.parametrize("content", [b"x", PHOTOGRAPH])
async def test_a_call_refused_for_want_of_room_is_made_again(refusing: Any, error: Any, content: bytes) -> None:
    """Up to three times, whatever the size of its picture; its caller sees the answer alone."""
    servicer, stub = refusing
    servicer.errors = [error("come back", retry_after_s=0.001) for _ in range(3)]
    assert (await stub.ExtractFeatures(request(content))).dimensions == 1
    assert servicer.calls == 4


async def test_a_queue_that_stays_full_is_an_error_in_the_end(refusing: Any) -> None:
    """The fourth refusal reaches the caller, with its reason and the time to come back."""
    servicer, stub = refusing
    servicer.errors = [ResourceExhaustedError("come back", retry_after_s=0.001) for _ in range(10)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ExtractFeatures(request(b"x"))
    assert statuses.from_rpc_error(caught.value).reason == "QUEUE_FULL"
    assert servicer.calls == 4


async def test_a_message_past_the_limit_is_no_full_queue(refusing: Any) -> None:
    """What gRPC refuses by itself has reasons of its own; other methods are not repeated for want of room."""
    servicer, stub = refusing
    found = []
    for call in (
        lambda: stub.ExtractFeatures(request(b"x" * 6_000_000)),
        lambda: stub.FindMissing(feature_extractor_pb2.FindMissingRequest()),
        lambda: stub.GetCacheStats(feature_extractor_pb2.GetCacheStatsRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call()
        found.append(statuses.from_rpc_error(caught.value))
    assert [(type(each), each.reason) for each in found] == [
        (ResourceExhaustedError, "MESSAGE_TOO_LARGE"),
        (ResourceExhaustedError, "RESOURCE_EXHAUSTED"),
        (AbortedError, "ABORTED"),
    ]
    assert servicer.calls == 1
