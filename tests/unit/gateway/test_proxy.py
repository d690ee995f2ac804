"""The proxy: every method of the stages behind the gateway, as if they answered themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from graft import statuses
from graft.errors import NotFoundError, UnavailableError
from graft.v1 import feature_extractor_pb2, feature_extractor_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GET_DATASET = "/graft.v1.TrainerService/GetDataset"


def extractor_stub(world: Any) -> Any:
    """Return a stub of the extractor's service at the gateway."""
    return feature_extractor_pb2_grpc.FeatureExtractorServiceStub(world.channel)


class Reversing(grpc.GenericRpcHandler):
    """A trainer that answers each message with its bytes turned round, whatever they are."""

    def service(self, handler_call_details: Any) -> Any:
        """Return the one handler for every method."""

        async def answer(requests: Any, _: Any) -> AsyncIterator[bytes]:
            async for message in requests:
                yield message[::-1]

        return grpc.stream_stream_rpc_method_handler(answer)


async def test_messages_pass_byte_for_byte_without_being_parsed(world: Any) -> None:
    """Bytes that are no protobuf at all arrive as they were sent, and so do the answer's."""
    await world.servers["trainer"].drain(0)
    await world.restart("trainer", Reversing())
    call = world.channel.unary_unary(GET_DATASET)(b"\xff\x00not a protobuf", wait_for_ready=True)
    # The gateway's connection to the trainer that came back may be a moment behind.
    while True:
        try:
            assert await call == b"fubotorp a ton\x00\xff"
            break
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - only this one may be tried again
            call = world.channel.unary_unary(GET_DATASET)(b"\xff\x00not a protobuf")


async def test_metadata_passes_both_ways(world: Any) -> None:
    """Text and binary metadata reach the stage; its initial and trailing metadata reach the caller."""

    async def act(context: Any) -> None:
        await context.send_initial_metadata((("x-first", "1"), ("x-first-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-last", "2"), ("x-request-id", "abc")))

    world.extractor.act = act
    sent = (("graft-affinity", "roses"), ("x-raw-bin", b"\x01\xfe"), ("x-request-id", "abc"))
    call = extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest(), metadata=sent)
    assert (await call).trunk.layer == "mixed7"
    received = world.extractor.calls[0].metadata
    assert set(sent) <= set(received.items())
    initial, trailing = dict(await call.initial_metadata()), dict(await call.trailing_metadata())
    assert (initial["x-first"], initial["x-first-bin"]) == ("1", b"\x00\xff")
    assert trailing == {"x-last": "2", "x-request-id": "abc"}


async def test_a_call_without_a_request_id_gets_one_that_both_ends_see(world: Any) -> None:
    """The id that the gateway makes up is the one the stage works under and the caller is told."""
    call = extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    await call
    received = world.extractor.calls[0].metadata
    assert received["x-request-id"] == dict(await call.trailing_metadata())["x-request-id"]


async def test_an_error_in_mid_stream_passes_with_its_details(world: Any) -> None:
    """What was streamed arrives first, then the stage's own status with every detail."""

    async def act(_: Any) -> AsyncIterator[bytes]:
        yield b"first"
        raise NotFoundError("preview", "second", reason="GONE", metadata={"at": "2"})

    world.extractor.act = act
    call = extractor_stub(world).GetPreviews(feature_extractor_pb2.GetPreviewsRequest())
    assert (await call.read()).jpeg == b"first"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    error = statuses.from_rpc_error(caught.value)
    assert isinstance(error, NotFoundError)
    assert (error.reason, error.resource_name, error.metadata) == ("GONE", "second", {"at": "2"})
    assert await world.handled("GetPreviews", "NOT_FOUND") == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.CANCELLED, grpc.StatusCode.DATA_LOSS])
async def test_a_bare_status_passes_as_it_is(world: Any, code: grpc.StatusCode) -> None:
    """A status without details, even one that looks like a cancellation, reaches the caller."""

    async def act(context: Any) -> None:
        await context.abort(code, "so there")

    world.extractor.act = act
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    assert (caught.value.code(), caught.value.details()) == (code, "so there")


async def test_an_unavailable_stage_speaks_for_itself(world: Any) -> None:
    """UNAVAILABLE with details comes from the stage: its reason and its push-back pass."""

    async def act(_: Any) -> None:
        raise UnavailableError("warming up", reason="STARTING", retry_after_s=0.5)

    world.extractor.act = act
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    error = statuses.from_rpc_error(caught.value)
    assert (error.reason, error.message) == ("STARTING", "warming up")
    assert dict(caught.value.trailing_metadata())[statuses.PUSHBACK_KEY] == "500"


async def test_a_stage_that_is_away_is_named_and_found_again(world: Any) -> None:
    """Without the extractor a call fails with EXTRACTOR_UNAVAILABLE and RetryInfo; when it is back, calls succeed."""
    stub = extractor_stub(world)
    await world.servers["extractor"].drain(0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    error = statuses.from_rpc_error(caught.value)
    assert isinstance(error, UnavailableError)
    assert (error.reason, error.retry_after_s) == ("EXTRACTOR_UNAVAILABLE", 1.0)
    assert world.servers["extractor"].address in error.message
    await world.restart("extractor", world.extractor)
    while True:
        try:
            assert (await stub.GetTrunk(feature_extractor_pb2.GetTrunkRequest())).trunk.layer == "mixed7"
            break
        except grpc.aio.AioRpcError as again:
            assert statuses.from_rpc_error(again).reason == "EXTRACTOR_UNAVAILABLE"  # noqa: PT017 - as long as it takes


async def test_a_stage_lost_in_mid_call_is_named(world: Any) -> None:
    """A stage that goes down while it answers is reported as away."""
    entered = asyncio.Event()

    async def act(_: Any) -> AsyncIterator[bytes]:
        yield b"first"
        entered.set()
        await asyncio.Event().wait()

    world.extractor.act = act
    call = extractor_stub(world).GetPreviews(feature_extractor_pb2.GetPreviewsRequest())
    assert (await call.read()).jpeg == b"first"
    await entered.wait()
    await world.servers["extractor"].drain(0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert statuses.from_rpc_error(caught.value).reason == "EXTRACTOR_UNAVAILABLE"


async def test_what_the_caller_cancels_is_cancelled_behind(world: Any) -> None:
    """A caller that goes away while it waits takes its call at the stage with it."""
    entered = asyncio.Event()

    async def act(_: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    world.extractor.act = act
    call = extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    waiting = asyncio.ensure_future(call.code())
    await entered.wait()
    call.cancel()
    await world.extractor.cancelled.wait()
    assert await waiting is grpc.StatusCode.CANCELLED


async def test_a_cancelled_upload_is_cancelled_behind(world: Any) -> None:
    """A caller that goes away in mid-upload takes its stream at the stage with it."""
    world.extractor.gate.clear()
    call = extractor_stub(world).StreamFeatures()
    await call.write(feature_extractor_pb2.StreamFeaturesRequest())
    async with world.extractor.more:
        await world.extractor.more.wait_for(lambda: world.extractor.received == 1)
    call.cancel()
    await world.extractor.cancelled.wait()


async def test_the_deadline_passes_on(world: Any) -> None:
    """The stage knows how long the caller waits, and is cancelled when that is over."""

    async def act(_: Any) -> None:
        await asyncio.Event().wait()

    stub = extractor_stub(world)
    await stub.GetTrunk(feature_extractor_pb2.GetTrunkRequest())  # connects all of the way, which may take a while
    world.extractor.act = act
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetTrunk(feature_extractor_pb2.GetTrunkRequest(), timeout=2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await world.extractor.cancelled.wait()
    assert 0 < world.extractor.calls[1].remaining_s < 3  # gRPC rounds the deadline up a little on its way


async def test_a_call_without_a_deadline_has_none_behind(world: Any) -> None:
    """No deadline is made up on the way."""
    await extractor_stub(world).GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    assert world.extractor.calls[0].remaining_s is None


async def test_half_close_passes_and_answers_interleave(world: Any) -> None:
    """A message is answered before the next is sent, and the end of the messages ends the answers."""
    call = extractor_stub(world).StreamFeatures()
    for size in (1, 2, 3):
        image = {"content": b"x" * size}
        await call.write(feature_extractor_pb2.StreamFeaturesRequest(images=[image]))
        assert len((await call.read()).results) == 1
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert world.extractor.ended


async def test_a_slow_reader_slows_the_stage(world: Any) -> None:
    """What a stage streams to a caller who does not read stays within gRPC's windows instead of piling up."""
    written, chunk = 0, bytes(1 << 20)

    async def act(_: Any) -> AsyncIterator[bytes]:
        nonlocal written
        while True:
            yield chunk
            written += 1

    world.extractor.act = act
    stub = extractor_stub(world)
    call = stub.GetPreviews(feature_extractor_pb2.GetPreviewsRequest())
    await call.read()
    world.extractor.act = None
    for _ in range(300):  # time enough for hundreds of messages
        await stub.GetTrunk(feature_extractor_pb2.GetTrunkRequest())
    assert written < 100
    call.cancel()
    assert await world.handled("GetPreviews", "CANCELLED") == 1


@pytest.mark.parametrize("method", ["/graft.v1.TrainerService/Bogus", "/graft.v1.BogusService/Get"])
async def test_an_unknown_method_is_unimplemented(world: Any, method: str) -> None:
    """Only methods of the contract are there."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.channel.unary_unary(method)(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
