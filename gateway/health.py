"""Mirrors the health of the stages behind the gateway, so that asking the gateway about a service asks its stage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from gateway.backend import Backend

    Tell = Callable[..., Awaitable[None]]
    """Takes a service's full name, and by the name `serving` whether it is."""

_ASK_AGAIN_S: Final = 0.2
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_log: Final = structlog.get_logger("gateway.health")


class HealthMirror:
    """Watches each backend and tells how its service is, and how the gateway's own service is with it."""

    def __init__(self, own_service: str, backends: Sequence[Backend], needed: Collection[str], tell: Tell) -> None:
        """Prepare to watch.

        Args:
            own_service: full name of the gateway's own service.
            backends: the stages to watch.
            needed: names of the stages without which the gateway's own service cannot answer.
            tell: called for every service by `begin`, and after each change.
        """
        self._own = own_service
        self._backends = tuple(backends)
        self._needed = frozenset(needed)
        self._tell = tell
        self._serving = {backend.stage: False for backend in backends}

    async def begin(self) -> None:
        """Tell that nothing is known to serve yet."""
        for service in (self._own, *(backend.service.full_name for backend in self._backends)):
            await self._tell(service, serving=False)

    async def watch(self) -> None:
        """Follow all backends until cancelled."""
        async with asyncio.TaskGroup() as group:
            for backend in self._backends:
                group.create_task(self._follow(backend))

    async def _follow(self, backend: Backend) -> None:
        # The type stubs of the health package leave Watch out.
        stub: Any = health_pb2_grpc.HealthStub(backend.channel)
        request = health_pb2.HealthCheckRequest(service=backend.service.full_name)
        while True:
            call = stub.Watch(request, wait_for_ready=True)
            try:
                async for answer in call:
                    if answer.status != _SERVING:
                        # Leave: a server that drains waits for its watchers to go. One that starts is asked again soon.
                        break
                    await self._set(backend, serving=True)
            except (grpc.aio.AioRpcError, grpc.aio.BaseError) as error:
                _log.debug("watch ended", stage=backend.stage, error=str(error))
            finally:
                call.cancel()
            await self._set(backend, serving=False)
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _set(self, backend: Backend, *, serving: bool) -> None:
        if self._serving[backend.stage] == serving:
            return
        _log.info("stage is serving" if serving else "stage is away", stage=backend.stage, address=backend.address)
        self._serving[backend.stage] = serving
        await self._tell(backend.service.full_name, serving=serving)
        await self._tell(self._own, serving=self._is_own_serving())

    def _is_own_serving(self) -> bool:
        return all(self._serving[stage] for stage in self._needed)
