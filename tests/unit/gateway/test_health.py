"""Health at the gateway: its own, and that of each stage behind it."""

from __future__ import annotations

from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

GATEWAY = "graft.v1.GatewayService"
EXTRACTOR = "graft.v1.FeatureExtractorService"
TRAINER = "graft.v1.TrainerService"
CLASSIFIER = "graft.v1.ClassifierService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def until(world: Any, service: str, status: Any) -> None:
    """Wait until the gateway says that `service` has `status`."""
    stub: Any = health_pb2_grpc.HealthStub(world.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=service))
    while (await watch.read()).status != status:
        pass
    watch.cancel()


async def check(world: Any, service: str) -> Any:
    """Return what the gateway says of `service` now."""
    stub: Any = health_pb2_grpc.HealthStub(world.channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_each_service_is_as_its_stage_is(world: Any) -> None:
    """With every stage up, every service serves."""
    for service in (EXTRACTOR, TRAINER, CLASSIFIER, GATEWAY):
        await until(world, service, SERVING)


async def test_a_stage_that_stops_and_comes_back_is_mirrored(world: Any) -> None:
    """Its own service and the gateway's own follow; the gateway as a whole, and the others, stay up."""
    await until(world, GATEWAY, SERVING)
    await world.servers["extractor"].drain(0)
    await until(world, EXTRACTOR, NOT_SERVING)
    await until(world, GATEWAY, NOT_SERVING)
    assert await check(world, "") == SERVING
    assert await check(world, CLASSIFIER) == SERVING
    await world.restart("extractor", world.extractor)
    await until(world, EXTRACTOR, SERVING)
    await until(world, GATEWAY, SERVING)


async def test_the_gateway_recognises_without_the_trainer(world: Any) -> None:
    """The trainer's absence shows in its own service alone."""
    await until(world, GATEWAY, SERVING)
    await until(world, TRAINER, SERVING)
    await world.servers["trainer"].drain(0)
    await until(world, TRAINER, NOT_SERVING)
    assert await check(world, GATEWAY) == SERVING


async def test_a_stage_that_warms_up_is_seen_when_it_is_ready(world: Any) -> None:
    """NOT_SERVING of a stage that answers is mirrored too, and so is the end of its warming up."""
    server = world.servers["classifier"]
    await until(world, GATEWAY, SERVING)
    await server.set_serving(CLASSIFIER, serving=False)
    await until(world, CLASSIFIER, NOT_SERVING)
    await server.set_serving(CLASSIFIER, serving=True)
    await until(world, GATEWAY, SERVING)


async def test_a_stage_drains_without_waiting_for_the_gateway(world: Any) -> None:
    """The gateway's watch leaves a stage that says it is draining, so that a long grace is not used up."""
    await until(world, TRAINER, SERVING)
    await world.servers["trainer"].drain(3600)


async def test_reflection_lists_all_four_services(world: Any) -> None:
    """A client finds every service at the one address."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(world.channel)
    call = stub.ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    names = {each.name for each in (await call.read()).list_services_response.service}
    assert {GATEWAY, EXTRACTOR, TRAINER, CLASSIFIER} <= names
    call.cancel()
