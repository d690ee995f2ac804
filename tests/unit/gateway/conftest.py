"""Fake stages behind a real gateway, all on free ports of this event loop."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc import status_pb2

from gateway.backend import Backend
from gateway.health import HealthMirror
from gateway.proxy import Proxy
from gateway.recognition import Recogniser
from gateway.service import GatewayServicer
from graft.channels import open_channel
from graft.serving.metrics import new_registry
from graft.serving.server import StageServer
from graft.serving.settings import StageSettings
from graft.v1 import (
    classifier_pb2,
    classifier_pb2_grpc,
    common_pb2,
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import grpc

FINGERPRINT = bytes(range(16))
DESCRIPTORS = {
    "extractor": feature_extractor_pb2.DESCRIPTOR.services_by_name["FeatureExtractorService"],
    "trainer": trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"],
    "classifier": classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"],
}
GATEWAY = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].full_name


@dataclass(frozen=True)
class Seen:
    """Metadata and seconds left of a call when it began; its context must not be touched once the call has ended."""

    metadata: dict[str, str | bytes]
    remaining_s: float | None

    @classmethod
    def of(cls, context: Any) -> Seen:
        """Read it off a call that begins."""
        return cls(dict(context.invocation_metadata()), context.time_remaining())


class FakeExtractor(feature_extractor_pb2_grpc.FeatureExtractorServiceServicer):
    """Its vectors hold the picture's length; pictures that begin with `bad` cannot be read.

    Attributes:
        calls: what came with every call so far.
        act: what GetTrunk and GetPreviews do instead of their own; takes the context.
        gate: StreamFeatures answers nothing before it is set.
        received: messages of StreamFeatures so far; `more` is notified of each.
        cancelled: set when a call of StreamFeatures or a scripted one is cancelled.
        ended: True if a caller of StreamFeatures ended its messages in good order.
    """

    def __init__(self) -> None:
        self.calls: list[Seen] = []
        self.act: Callable[[Any], Any] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.received = 0
        self.more = asyncio.Condition()
        self.cancelled = asyncio.Event()
        self.ended = False

    def _result(self, image: common_pb2.Image) -> feature_extractor_pb2.FeatureResult:
        result = feature_extractor_pb2.FeatureResult(digest=hashlib.sha256(image.content).digest())
        if image.content.startswith(b"bad"):
            result.error.CopyFrom(status_pb2.Status(code=3, message=image.content.decode()))
        else:
            result.vector = struct.pack("<2f", len(image.content), 1)
            result.cached = image.content.startswith(b"cached")
        return result

    async def ExtractFeatures(self, request: Any, context: Any) -> feature_extractor_pb2.ExtractFeaturesResponse:
        """Answer at once."""
        self.calls.append(Seen.of(context))
        if self.act:
            await self.act(context)
        results = [self._result(image) for image in request.images]
        return feature_extractor_pb2.ExtractFeaturesResponse(fingerprint=FINGERPRINT, dimensions=2, results=results)

    async def StreamFeatures(self, request_iterator: Any, context: Any) -> Any:
        """Read ahead without bound, answer when the gate is open."""
        self.calls.append(Seen.of(context))
        waiting: asyncio.Queue[Any] = asyncio.Queue()

        async def read() -> None:
            async for message in request_iterator:
                async with self.more:
                    self.received += 1
                    self.more.notify_all()
                waiting.put_nowait(message)
            self.ended = True
            waiting.put_nowait(None)

        reading = asyncio.ensure_future(read())
        try:
            while (message := await waiting.get()) is not None:
                await self.gate.wait()
                if self.act:
                    await self.act(context)
                results = [self._result(image) for image in message.images]
                yield feature_extractor_pb2.StreamFeaturesResponse(
                    fingerprint=FINGERPRINT, dimensions=2, results=results
                )
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            reading.cancel()

    async def GetTrunk(self, request: Any, context: Any) -> feature_extractor_pb2.GetTrunkResponse:
        """Do what the test says."""
        self.calls.append(Seen.of(context))
        try:
            if self.act:
                await self.act(context)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return feature_extractor_pb2.GetTrunkResponse(trunk=feature_extractor_pb2.Trunk(layer="mixed7"))

    async def GetPreviews(self, request: Any, context: Any) -> Any:
        """Stream what the test says."""
        assert self.act
        async for jpeg in self.act(context):
            yield feature_extractor_pb2.GetPreviewsResponse(jpeg=jpeg)


class FakeClassifier(classifier_pb2_grpc.ClassifierServiceServicer):
    """Serves `faces` as `production`: labels a vector with its first value, or raises `error`; notes what came."""

    def __init__(self) -> None:
        self.requests: list[classifier_pb2.ClassifierServiceClassifyRequest] = []
        self.calls: list[Seen] = []
        self.error: Exception | None = None
        self.version = 7

    async def ListHeads(self, request: Any, context: Any) -> classifier_pb2.ListHeadsResponse:
        """List the one head."""
        self.calls.append(Seen.of(context))
        head = {"classifier": "faces", "version": self.version, "aliases": ["production"]}
        return classifier_pb2.ListHeadsResponse(heads=[head])

    async def Classify(self, request: Any, context: Any) -> classifier_pb2.ClassifierServiceClassifyResponse:
        """Answer at once."""
        self.requests.append(request)
        self.calls.append(Seen.of(context))
        if self.error:
            raise self.error
        answer = classifier_pb2.ClassifierServiceClassifyResponse(
            classifier=request.head.classifier, version=self.version
        )
        for first, _ in struct.iter_unpack("<2f", request.vectors):
            answer.classifications.add().labels.add(label=str(int(first)), probability=1)
        return answer


_ADD: dict[str, Any] = {
    "extractor": feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server,
    "trainer": trainer_pb2_grpc.add_TrainerServiceServicer_to_server,
    "classifier": classifier_pb2_grpc.add_ClassifierServiceServicer_to_server,
}


async def start_stage(stage: str, servicer: Any, listen: str = "127.0.0.1:0") -> StageServer:
    """Start a fake stage; a GenericRpcHandler will do for a servicer."""
    server = StageServer(StageSettings(listen=listen), [DESCRIPTORS[stage].full_name], new_registry())
    if hasattr(servicer, "service"):
        server.handlers.add_generic_rpc_handlers([servicer])
    else:
        _ADD[stage](servicer, server.handlers)
    await server.start()
    await server.ready()
    return server


@dataclass
class World:
    """A gateway, its metrics and a channel to it; the fakes behind it, and the servers of the stages by name."""

    extractor: FakeExtractor = field(default_factory=FakeExtractor)
    classifier: FakeClassifier = field(default_factory=FakeClassifier)
    servers: dict[str, StageServer] = field(default_factory=dict)
    gateway: Any = None
    registry: Any = field(default_factory=new_registry)
    channel: grpc.aio.Channel | Any = None

    async def handled(self, method: str, code: str) -> float | None:
        """Stop the gateway and return how many calls of an extractor's method it counted as ended with `code`."""
        await self.gateway.drain(5)
        full_name = f"/{DESCRIPTORS['extractor'].full_name}/{method}"
        return self.registry.get_sample_value("graft_rpc_handled_total", {"method": full_name, "code": code})

    async def restart(self, stage: str, servicer: Any) -> None:
        """Serve `servicer` at the address where the stopped `stage` was."""
        self.servers[stage] = await start_stage(stage, servicer, self.servers[stage].address)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Yield a gateway with fake stages, connected."""
    made = World()
    fakes = {
        "extractor": made.extractor,
        "trainer": trainer_pb2_grpc.TrainerServiceServicer(),
        "classifier": made.classifier,
    }
    async with AsyncExitStack() as stack:
        backends = []
        for stage, fake in fakes.items():
            server = made.servers[stage] = await start_stage(stage, fake)
            channel = await stack.enter_async_context(open_channel(server.address, retries=False))
            backends.append(Backend(stage, server.address, DESCRIPTORS[stage], channel))
        services = [GATEWAY, *(each.full_name for each in DESCRIPTORS.values())]
        made.gateway = StageServer(StageSettings(), services, made.registry)
        handlers: Any = made.gateway.handlers
        gateway_pb2_grpc.add_GatewayServiceServicer_to_server(
            GatewayServicer(Recogniser(backends[0], backends[2])), handlers
        )
        handlers.add_generic_rpc_handlers([Proxy(backends)])

        mirror = HealthMirror(GATEWAY, backends, {"extractor", "classifier"}, made.gateway.set_serving)
        await mirror.begin()
        await made.gateway.start()
        await made.gateway.ready()
        watching = asyncio.ensure_future(mirror.watch())
        made.channel = await stack.enter_async_context(open_channel(made.gateway.address, retries=False))
        yield made
        watching.cancel()
        await made.gateway.drain(0)
        for server in made.servers.values():
            await server.drain(0)
