"""A server as every stage runs it, over a real connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from graft import statuses
from graft.channels import open_channel
from graft.errors import (
    FailedPreconditionError,
    GraftError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    Violation,
)
from graft.serving.call_context import outgoing_metadata, outgoing_timeout
from graft.serving.metrics import new_registry
from graft.serving.server import StageServer
from graft.serving.settings import StageSettings
from graft.serving.testing import serving
from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SERVICE = "graft.v1.ClassifierService"


class Scripted(classifier_pb2_grpc.ClassifierServiceServicer):
    """Answers ListHeads by calling what the test hands it."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act

    async def ListHeads(self, request: Any, context: Any) -> classifier_pb2.ListHeadsResponse:
        """Run the script."""
        return self.act() or classifier_pb2.ListHeadsResponse(registry_connected=True)


class Streaming(feature_extractor_pb2_grpc.FeatureExtractorServiceServicer):
    """Streams one preview, then fails."""

    async def GetPreviews(self, request: Any, context: Any) -> Any:
        """Fail in mid-stream."""
        yield feature_extractor_pb2.GetPreviewsResponse(jpeg=b"first")
        raise NotFoundError("preview", "second")


@asynccontextmanager
async def scripted(act: Callable[[], Any]) -> AsyncIterator[classifier_pb2_grpc.ClassifierServiceAsyncStub]:
    """Serve a scripted classifier and yield a stub."""

    def register(handlers: Any) -> None:
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(Scripted(act), handlers)

    async with serving(register, [SERVICE]) as address, open_channel(address, retries=False) as channel:
        yield classifier_pb2_grpc.ClassifierServiceStub(channel)


def raising(error: BaseException) -> Callable[[], Any]:
    """Return a script that raises."""

    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (
            InvalidArgumentError("bad", reason="EMPTY_IMAGE", violations=(Violation("images[3].content", "empty"),)),
            error_details_pb2.BadRequest,
        ),
        (
            FailedPreconditionError("no", reason="X_MISSING", violations=(Violation("class rose", "no example"),)),
            error_details_pb2.PreconditionFailure,
        ),
        (NotFoundError("dataset", "roses"), error_details_pb2.ResourceInfo),
        (ResourceExhaustedError("full", retry_after_s=0.25), error_details_pb2.RetryInfo),
    ],
)
async def test_an_error_arrives_with_its_code_reason_and_detail(error: GraftError, detail: Any) -> None:
    """A raised error reaches the client as a status with one ErrorInfo and its fitting detail."""
    async with scripted(raising(error)) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListHeads(classifier_pb2.ListHeadsRequest())
    status = rpc_status.from_call(caught.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (error.reason, "graft")
    assert status.details[1].Is(detail.DESCRIPTOR)
    back = statuses.from_rpc_error(caught.value)
    assert type(back) is type(error)
    assert vars(back) == vars(error)


async def test_a_full_queue_tells_grpc_itself_when_to_retry() -> None:
    """RESOURCE_EXHAUSTED carries the push-back trailer in milliseconds."""
    async with scripted(raising(ResourceExhaustedError("full", retry_after_s=0.25))) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListHeads(classifier_pb2.ListHeadsRequest())
    assert dict(caught.value.trailing_metadata())[statuses.PUSHBACK_KEY] == "250"


async def test_an_unexpected_fault_keeps_its_text_in_the_log() -> None:
    """Unknown exceptions become INTERNAL with fixed text that names the request id."""
    async with scripted(raising(RuntimeError("password=hunter2"))) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListHeads(classifier_pb2.ListHeadsRequest(), metadata=(("x-request-id", "abc"),))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(caught.value.details())
    assert "abc" in str(caught.value.details())


async def test_an_error_in_mid_stream_arrives_after_what_was_sent() -> None:
    """A stream delivers its first message, then the mapped error."""

    def register(handlers: Any) -> None:
        feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server(Streaming(), handlers)

    async with serving(register) as address, open_channel(address) as channel:
        call = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel).GetPreviews(
            feature_extractor_pb2.GetPreviewsRequest()
        )
        assert (await call.read()).jpeg == b"first"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_request_id_and_deadline_are_handed_on() -> None:
    """Within a call the outgoing metadata holds the caller's request id and the timeout what is left of its own."""
    seen: list[Any] = []
    async with scripted(lambda: seen.append((outgoing_metadata(), outgoing_timeout()))) as stub:
        call = stub.ListHeads(classifier_pb2.ListHeadsRequest(), metadata=(("x-request-id", "abc"),), timeout=30)
        await call
        assert dict(await call.trailing_metadata())["x-request-id"] == "abc"
    ((metadata, timeout),) = seen
    assert metadata == (("x-request-id", "abc"),)
    assert 0 < timeout < 31  # gRPC rounds the deadline up a little on its way


async def test_health_says_not_serving_until_ready_and_calls_are_refused_politely() -> None:
    """A bound server that is not warm answers health with NOT_SERVING and calls with UNAVAILABLE, STARTING."""
    server = StageServer(StageSettings(), [SERVICE], new_registry())
    await server.start()
    async with open_channel(server.address, retries=False) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        stub = classifier_pb2_grpc.ClassifierServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListHeads(classifier_pb2.ListHeadsRequest())
        assert statuses.from_rpc_error(caught.value).reason == "STARTING"
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(Scripted(lambda: None), server.handlers)
        await server.ready()
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert (await stub.ListHeads(classifier_pb2.ListHeadsRequest())).registry_connected
    await server.drain(0)


async def test_draining_lets_calls_in_flight_finish_and_flips_health_first() -> None:
    """A watcher sees NOT_SERVING while a slow call still gets its answer."""
    release, entered = asyncio.Event(), asyncio.Event()

    class Slow(classifier_pb2_grpc.ClassifierServiceServicer):
        async def ListHeads(self, request: Any, context: Any) -> classifier_pb2.ListHeadsResponse:
            entered.set()
            await release.wait()
            return classifier_pb2.ListHeadsResponse(registry_connected=True)

    server = StageServer(StageSettings(), [SERVICE], new_registry())
    classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(Slow(), server.handlers)
    await server.start()
    await server.ready()
    async with open_channel(server.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        call = asyncio.ensure_future(
            classifier_pb2_grpc.ClassifierServiceStub(channel).ListHeads(classifier_pb2.ListHeadsRequest())
        )
        await entered.wait()
        drained = asyncio.ensure_future(server.drain(30))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        release.set()
        assert (await call).registry_connected
        watch.cancel()
        await drained


async def test_draining_does_not_wait_for_watches() -> None:
    """A watcher of heads or health holds up a stop with an hour of grace no longer than a moment."""

    class Watched(trainer_pb2_grpc.TrainerServiceServicer):
        async def WatchHeads(self, request: Any, context: Any) -> Any:
            yield trainer_pb2.WatchHeadsResponse()
            await asyncio.Event().wait()

    server = StageServer(StageSettings(), ["graft.v1.TrainerService"], new_registry())
    trainer_pb2_grpc.add_TrainerServiceServicer_to_server(Watched(), server.handlers)
    await server.start()
    await server.ready()
    async with open_channel(server.address, retries=False) as channel:
        watch = trainer_pb2_grpc.TrainerServiceStub(channel).WatchHeads(trainer_pb2.WatchHeadsRequest())
        health: Any = health_pb2_grpc.HealthStub(channel)
        states = health.Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        await states.read()
        await server.drain(3600)  # the test's own time limit is two minutes
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.read()
    assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


async def test_a_taken_port_is_an_error() -> None:
    """Two servers never share a port silently."""
    async with serving(lambda _: None) as address:
        second = StageServer(StageSettings(listen=address), [], new_registry())
        with pytest.raises(GraftError, match="cannot listen on"):
            await second.start()
