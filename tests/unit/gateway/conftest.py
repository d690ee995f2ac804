"""Fake stages behind a real gateway, all on free ports of this event loop."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
    feature_extractor_pb2,
    feature_extractor_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

sys.path.insert(0, str(Path(__file__).parent / "fakes"))

from fake_stages import FakeClassifier, FakeExtractor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc

DESCRIPTORS = {
    "extractor": feature_extractor_pb2.DESCRIPTOR.services_by_name["FeatureExtractorService"],
    "trainer": trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"],
    "classifier": classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"],
}
GATEWAY = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].full_name


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
