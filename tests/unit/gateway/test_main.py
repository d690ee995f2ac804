"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.settings import GatewaySettings
from graft.channels import open_channel
from graft.serving.settings import load_settings
from graft.serving.testing import stage_process
from graft.v1 import feature_extractor_pb2, feature_extractor_pb2_grpc, gateway_pb2, gateway_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

GATEWAY = "graft.v1.GatewayService"


@pytest.fixture
def address(world: Any) -> Iterator[str]:
    """Run `python -m gateway` in front of the fake stages and yield its address."""
    flags = [f"--{stage}={server.address}" for stage, server in world.servers.items()]
    with stage_process("gateway", *flags) as process:
        yield process.address
        assert process.stop() == 0


async def test_the_process_recognises_and_passes_through(address: str) -> None:
    """It becomes healthy when its stages are, answers its own service and those behind it, and exits with 0."""
    async with open_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=GATEWAY))
        while (await watch.read()).status != health_pb2.HealthCheckResponse.SERVING:
            pass
        watch.cancel()
        answer = await gateway_pb2_grpc.GatewayServiceStub(channel).Classify(
            gateway_pb2.GatewayServiceClassifyRequest(head={"classifier": "faces"}, images=[{"content": b"four"}])
        )
        assert answer.results[0].digest == hashlib.sha256(b"four").digest()
        extractor = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)
        trunk = await extractor.GetTrunk(feature_extractor_pb2.GetTrunkRequest())
        assert trunk.trunk.layer == "mixed7"


async def test_the_process_is_healthy_as_a_whole_without_any_stage() -> None:
    """Overall health says SERVING, the gateway's own service NOT_SERVING, when nothing answers behind it."""
    with stage_process("gateway", "--extractor=127.0.0.1:9", "--trainer=127.0.0.1:9", "--classifier=127.0.0.1:9") as it:
        await asyncio.to_thread(it.wait_until_serving, 60)
        async with open_channel(it.address) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            answer = await health.Check(health_pb2.HealthCheckRequest(service=GATEWAY))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert it.stop() == 0


def test_the_ports_are_those_of_the_stages() -> None:
    """Without flags the gateway looks for the stages at their own defaults."""
    settings = load_settings(GatewaySettings, "gateway", [])
    assert [settings.listen, settings.extractor, settings.trainer, settings.classifier] == [
        f"127.0.0.1:5005{port}" for port in range(4)
    ]
