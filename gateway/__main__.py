"""Starts the gateway: `python -m gateway --extractor HOST:PORT --trainer HOST:PORT --classifier HOST:PORT`."""

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import asyncio  # noqa: E402 - a signal must be harmless before the slow imports
from contextlib import AsyncExitStack, asynccontextmanager, suppress  # noqa: E402 - as above
from typing import TYPE_CHECKING, Any  # noqa: E402 - as above

from gateway.backend import Backend  # noqa: E402 - as above
from gateway.health import HealthMirror  # noqa: E402 - as above
from gateway.proxy import Proxy  # noqa: E402 - as above
from gateway.recognition import Recogniser  # noqa: E402 - as above
from gateway.service import GatewayServicer  # noqa: E402 - as above
from gateway.settings import GatewaySettings  # noqa: E402 - as above
from graft.channels import open_channel  # noqa: E402 - as above
from graft.serving.settings import load_settings  # noqa: E402 - as above
from graft.serving.stage import run_stage  # noqa: E402 - as above
from graft.v1 import classifier_pb2, feature_extractor_pb2, gateway_pb2, gateway_pb2_grpc, trainer_pb2  # noqa: E402 - as above

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
        handlers: Any = server.handlers  # stands in for the server that generated code asks for
        gateway_pb2_grpc.add_GatewayServiceServicer_to_server(
            GatewayServicer(Recogniser(extractor, classifier)), handlers
        )
        handlers.add_generic_rpc_handlers([Proxy(backends)])
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
