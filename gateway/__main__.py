"""Starts the gateway: `python -m gateway --extractor HOST:PORT --trainer HOST:PORT --classifier HOST:PORT`."""

# ruff: noqa: E402 - signals are seen to before anything slow is imported

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from gateway.backend import Backend
from gateway.health import HealthMirror
from gateway.proxy import Proxy
from gateway.recognition import Recogniser
from gateway.service import GatewayServicer
from gateway.settings import GatewaySettings
from graft.channels import open_channel
from graft.serving.settings import load_settings
from graft.serving.stage import run_stage
from graft.v1 import classifier_pb2, feature_extractor_pb2, gateway_pb2, gateway_pb2_grpc, trainer_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from graft.serving.server import StageServer

GATEWAY = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"]
EXTRACTOR = feature_extractor_pb2.DESCRIPTOR.services_by_name["FeatureExtractorService"]
TRAINER = trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"]
CLASSIFIER = classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"]
SERVICES = [each.full_name for each in (GATEWAY, EXTRACTOR, TRAINER, CLASSIFIER)]


def main() -> None:
    """Run the gateway until it is told to stop."""
    settings = load_settings(GatewaySettings, "gateway")

    @asynccontextmanager
    async def open_stage(server: StageServer, registry: CollectorRegistry) -> AsyncIterator[None]:  # noqa: ARG001 - the gateway has no metrics of its own
        async with open_gateway(settings, server):
            yield

    run_stage("gateway", settings, SERVICES, open_stage)


@asynccontextmanager
async def open_gateway(settings: GatewaySettings, server: StageServer) -> AsyncIterator[None]:
    """Wire the gateway into `server`: its own service, the proxy for the others, and their health."""
    async with AsyncExitStack() as stack:
        limit = settings.max_message_bytes
        extractor, trainer, classifier = [
            Backend(
                stage, address, service, await stack.enter_async_context(open_channel(address, limit, retries=False))
            )
            for stage, address, service in (
                ("extractor", settings.extractor, EXTRACTOR),
                ("trainer", settings.trainer, TRAINER),
                ("classifier", settings.classifier, CLASSIFIER),
            )
        ]
        backends = (extractor, trainer, classifier)
        gateway_pb2_grpc.add_GatewayServiceServicer_to_server(
            GatewayServicer(Recogniser(extractor, classifier)), server.handlers
        )
        server.handlers.add_generic_rpc_handlers((Proxy(backends),))
        mirror = HealthMirror(GATEWAY.full_name, backends, {"extractor", "classifier"}, server.set_serving)
        await mirror.begin()
        watching = asyncio.ensure_future(mirror.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


if __name__ == "__main__":
    main()
