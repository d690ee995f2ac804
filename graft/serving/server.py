"""A gRPC server as every stage runs it: interceptor, health, reflection, limits; bound before it is warm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from graft.errors import UnavailableError
from graft.serving.interceptor import CallInterceptor
from graft.serving.late_handlers import LateHandlers
from graft.serving.metrics import CallMetrics
from graft.serving.settings import split_address
from graft.serving.watches import FLIP_S, Watches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import CollectorRegistry

    from graft.serving.settings import StageSettings

_STATUS = health_pb2.HealthCheckResponse


class StageServer:
    """The server of one stage.

    Attributes:
        handlers: give this to the generated `add_..._to_server` functions, at any time.
        address: host:port once started, with the port that was bound.
    """

    def __init__(self, settings: StageSettings, services: Sequence[str], registry: CollectorRegistry) -> None:
        """Prepare a server for `services`, full names such as `graft.v1.TrainerService`."""
        late = LateHandlers(services)
        # The generated functions ask for a server; of one they only use the two methods that LateHandlers has.
        self.handlers = cast("grpc.aio.Server", late)
        self.address = ""
        self._services = tuple(services)
        self._told: set[str] = set()
        self._listen = settings.listen
        self._health = health_aio.HealthServicer()
        self._watches = Watches()
        self._server = grpc.aio.server(
            interceptors=[CallInterceptor(CallMetrics(registry), self._watches)],
            options=[
                ("grpc.so_reuseport", int(settings.reuse_port)),
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", settings.max_message_bytes),
                # Clients keep idle connections alive with a ping every 30 s; gRPC would call that abuse.
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._server.add_generic_rpc_handlers((late,))

    async def start(self) -> None:
        """Bind and answer: health says NOT_SERVING, calls are refused with reason STARTING.

        Raises:
            UnavailableError: the address cannot be bound.
        """
        await self._set(*self._services, "", serving=False)
        host, _ = split_address(self._listen)
        try:
            port = self._server.add_insecure_port(self._listen)
        except RuntimeError as error:
            raise UnavailableError(
                f"cannot listen on {self._listen}: another process is there, or it is no address of this machine; "
                "choose another --listen",
                reason="ADDRESS_IN_USE",
            ) from error
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await self._server.start()

    async def set_serving(self, *services: str, serving: bool) -> None:
        """Set the health of some services, which from now on is the stage's to tell."""
        self._told.update(services)
        await self._set(*services, serving=serving)

    async def ready(self) -> None:
        """Say SERVING for the server as a whole, and for each service whose health the stage has not set itself."""
        await self._set(*(each for each in self._services if each not in self._told), "", serving=True)

    async def _set(self, *services: str, serving: bool) -> None:
        status: Any = _STATUS.SERVING if serving else _STATUS.NOT_SERVING
        for service in services:
            await self._health.set(service, status)

    async def drain(self, grace_s: float) -> None:
        """Say NOT_SERVING, end watches, take no new call, and give those in flight `grace_s` seconds."""
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(min(FLIP_S, grace_s))
        self._watches.end()
        await self._server.stop(grace_s)
