"""Pictures to labels through the gateway, single calls and streams."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from graft import statuses
from graft.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)
from graft.v1 import classifier_pb2, gateway_pb2, gateway_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from graft.errors import GraftError

HEAD = {"classifier": "faces"}


def gateway_stub(world: Any) -> Any:
    """Return a stub of the gateway's own service."""
    return gateway_pb2_grpc.GatewayServiceStub(world.channel)


def request(*contents: bytes, head: Any = HEAD, top_k: int = 0) -> gateway_pb2.GatewayServiceClassifyRequest:
    """Return a request with these pictures."""
    images = [{"content": content} for content in contents]
    return gateway_pb2.GatewayServiceClassifyRequest(head=head, images=images, top_k=top_k)


def message(*contents: bytes, head: Any = None) -> gateway_pb2.StreamClassifyRequest:
    """Return a message of a stream with these pictures."""
    return gateway_pb2.StreamClassifyRequest(head=head, images=[{"content": content} for content in contents])


def labels(answer: Any) -> list[str]:
    """Return the first label of each picture, or its error's message."""
    return [
        each.error.message if each.WhichOneof("outcome") == "error" else each.classification.labels[0].label
        for each in answer.results
    ]


async def refusal(call: Any) -> GraftError:
    """Return the error that a call fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return statuses.from_rpc_error(caught.value)


async def test_pictures_get_labels_in_their_order_and_bad_ones_their_own_errors(world: Any) -> None:
    """Each picture has its digest and either its label or its error; neighbours of a bad one are not affected."""
    contents = [b"bad one", b"four", b"bad two", b"cached"]
    answer = await gateway_stub(world).Classify(request(*contents, top_k=3))
    assert (answer.classifier, answer.version) == ("faces", 7)
    assert labels(answer) == ["bad one", "4", "bad two", "6"]
    assert [each.digest for each in answer.results] == [hashlib.sha256(content).digest() for content in contents]
    assert [each.cached for each in answer.results] == [False, False, False, True]
    told = answer.results[1].classification
    assert (told.verdict, told.unknown_score) == (classifier_pb2.VERDICT_UNKNOWN, 0.75)
    (asked,) = world.classifier.requests
    assert (asked.fingerprint, asked.dimensions, asked.top_k) == (bytes(range(16)), 2, 3)


async def test_without_a_readable_picture_no_head_is_asked(world: Any) -> None:
    """The version is 0 and every picture has its error."""
    answer = await gateway_stub(world).Classify(request(b"bad"))
    assert (answer.classifier, answer.version, labels(answer)) == ("faces", 0, ["bad"])
    assert not world.classifier.requests


async def test_request_id_deadline_and_affinity_go_to_both_stages(world: Any) -> None:
    """One picture's digest is the affinity key; several pictures have none."""
    stub = gateway_stub(world)
    await stub.Classify(request(b"one"), metadata=(("x-request-id", "abc"),), timeout=30)
    for seen in (*world.extractor.calls, *world.classifier.calls):
        assert seen.metadata["x-request-id"] == "abc"
        assert 0 < seen.remaining_s < 31  # gRPC rounds the deadline up a little on its way
    assert world.extractor.calls[0].metadata["graft-affinity"] == hashlib.sha256(b"one").hexdigest()
    await stub.Classify(request(b"one", b"two"))
    assert "graft-affinity" not in world.extractor.calls[1].metadata


@pytest.mark.parametrize(
    "error",
    [
        FailedPreconditionError("other trunk", reason="FINGERPRINT_MISMATCH"),
        NotFoundError("head", "faces", reason="HEAD_NOT_FOUND"),
    ],
)
async def test_what_the_classifier_refuses_is_passed_on(world: Any, error: GraftError) -> None:
    """The classifier's own error reaches the caller."""
    world.classifier.error = error
    found = await refusal(gateway_stub(world).Classify(request(b"one")))
    assert (type(found), vars(found)) == (type(error), vars(error))


async def test_what_the_extractor_refuses_is_passed_on(world: Any) -> None:
    """A full queue reaches the caller with its pause."""

    async def act(_: Any) -> None:
        raise ResourceExhaustedError("full", retry_after_s=0.25)

    world.extractor.act = act
    found = await refusal(gateway_stub(world).Classify(request(b"one")))
    assert isinstance(found, ResourceExhaustedError)
    assert (found.reason, found.retry_after_s) == ("QUEUE_FULL", 0.25)


@pytest.mark.parametrize("stage", ["extractor", "classifier"])
async def test_a_missing_stage_is_named(world: Any, stage: str) -> None:
    """Single calls and streams both say which stage is away."""
    await world.servers[stage].drain(0)
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one", head=HEAD))
    for failing in (gateway_stub(world).Classify(request(b"one")), call.read()):
        found = await refusal(failing)
        assert isinstance(found, UnavailableError)
        assert (found.reason, found.retry_after_s) == (f"{stage.upper()}_UNAVAILABLE", 1.0)


async def test_a_head_is_required(world: Any) -> None:
    """A call, and the first message of a stream, must name a classifier."""
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one"))
    for failing in (gateway_stub(world).Classify(request(b"one", head=None)), call.read()):
        found = await refusal(failing)
        assert isinstance(found, InvalidArgumentError)
        assert found.reason == "HEAD_REQUIRED"
    assert not world.extractor.calls


async def test_a_stream_answers_every_message_in_order(world: Any) -> None:
    """Later messages may repeat the head, spelt out or not, or leave it out."""

    async def messages() -> AsyncIterator[gateway_pb2.StreamClassifyRequest]:
        yield message(b"one", b"bad", head=HEAD)
        yield message(b"three")
        yield message(b"bad")
        yield message(head={"classifier": "faces", "alias": "production"})

    answers = [answer async for answer in gateway_stub(world).StreamClassify(messages())]
    assert [labels(answer) for answer in answers] == [["3", "bad"], ["5"], ["bad"], []]
    assert [answer.version for answer in answers] == [7, 7, 0, 0]


async def test_a_stream_without_messages_has_no_answers(world: Any) -> None:
    """An empty stream ends in good order."""
    call = gateway_stub(world).StreamClassify()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_the_extractor_gets_pictures_ahead_of_the_answers(world: Any) -> None:
    """Several messages reach the extractor before the first is answered."""
    world.extractor.gate.clear()
    call = gateway_stub(world).StreamClassify()
    for _ in range(5):
        await call.write(message(b"one", head=HEAD))
    async with world.extractor.more:
        await world.extractor.more.wait_for(lambda: world.extractor.received == 5)
    world.extractor.gate.set()
    await call.done_writing()
    assert [labels(answer) async for answer in call] == [["3"]] * 5


async def test_a_wrong_message_ends_the_stream_after_the_answers_before_it(world: Any) -> None:
    """Another head in mid-stream is refused once what was sent before is answered."""
    world.extractor.gate.clear()
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one", head=HEAD))
    await call.write(message(b"four"))
    await call.write(message(b"x", head={"classifier": "roses"}))
    world.extractor.gate.set()
    assert labels(await call.read()) == ["3"]
    assert labels(await call.read()) == ["4"]
    found = await refusal(call.read())
    assert (type(found), found.reason) == (InvalidArgumentError, "HEAD_REQUIRED")


async def test_an_alias_that_moves_shows_in_the_version(world: Any) -> None:
    """The version may change within a stream."""
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one", head=HEAD))
    assert (await call.read()).version == 7
    world.classifier.version = 8
    await call.write(message(b"one"))
    assert (await call.read()).version == 8
    call.cancel()


async def test_an_extractor_error_ends_the_stream_and_frees_the_sender(world: Any) -> None:
    """The extractor's refusal arrives although the caller has not ended its messages."""

    async def act(_: Any) -> None:
        raise InvalidArgumentError("too many", reason="TOO_MANY_IMAGES")

    world.extractor.act = act
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one", head=HEAD))
    assert (await refusal(call.read())).reason == "TOO_MANY_IMAGES"


async def test_a_caller_that_goes_away_cancels_the_extractors_stream(world: Any) -> None:
    """Nothing of a cancelled stream goes on behind the gateway."""
    world.extractor.gate.clear()
    call = gateway_stub(world).StreamClassify()
    await call.write(message(b"one", head=HEAD))
    async with world.extractor.more:
        await world.extractor.more.wait_for(lambda: world.extractor.received == 1)
    call.cancel()
    await world.extractor.cancelled.wait()


async def test_the_callers_deadline_ends_a_single_call_at_the_extractor(world: Any) -> None:
    """When the deadline passes, the extractor's call is cancelled and the caller told."""
    gone = asyncio.Event()

    async def act(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    world.extractor.act = act
    call = gateway_stub(world).Classify(request(b"one"), timeout=0.5)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await gone.wait()
