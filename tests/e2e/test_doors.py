"""What the gateway tells about the four services, and that a home has one `graft up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from graft.channels import open_sync_channel

if TYPE_CHECKING:
    from graft.client import Client

pytestmark = [pytest.mark.tensorflow, pytest.mark.weights, pytest.mark.timeout(300)]

SERVICES = [
    "graft.v1.ClassifierService",
    "graft.v1.FeatureExtractorService",
    "graft.v1.GatewayService",
    "graft.v1.TrainerService",
]


def test_reflection_lists_the_four_services_and_health_answers_for_each(stack: Any) -> None:
    """Whoever knows the gateway's address alone finds every service, its methods and its health."""
    with open_sync_channel(stack.address()) as channel:
        reflection = ProtoReflectionDescriptorDatabase(channel)
        listed = sorted(name for name in reflection.get_services() if name.startswith("graft."))
        assert listed == SERVICES
        file = reflection.FindFileContainingSymbol("graft.v1.TrainerService")
        assert "ImportExamples" in {method.name for method in file.service[0].method}
        health: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs leave Watch out
        for service in ("", *SERVICES):
            # The gateway asks the stages a few times a second: right after the start it may not know yet.
            watch = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=60)
            assert any(answer.status == health_pb2.HealthCheckResponse.SERVING for answer in watch)
            watch.cancel()


def test_a_second_up_on_the_same_home_is_refused(stack: Any, client: Client) -> None:
    """Its line names the process that holds the home, whose services go on."""
    before = stack.stages()
    second = stack.command("up", "--port", "0", "--weights", "nsfwjs")
    assert second.returncode == 1
    assert f"process {stack.process.pid}" in second.stderr
    assert str(stack.home) in second.stderr
    assert "Traceback" not in second.stderr
    assert stack.process.poll() is None
    assert stack.stages() == before
    assert all(service.serving for service in client.health())
