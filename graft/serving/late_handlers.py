"""Method handlers that arrive once a stage is warm; until then its calls are refused politely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STARTING_RETRY_S = 1.0


class LateHandlers(grpc.GenericRpcHandler):
    """Stands in for the server while a stage registers its servicers: `add_XServicer_to_server(servicer, self)`.

    A server must have its handlers before it starts, yet a stage must answer health checks while it loads its network.
    So the server is given this one handler, which looks calls up when they come.
    """

    def __init__(self, services: Sequence[str]) -> None:
        """Refuse calls of `services` (full names) with UNAVAILABLE, reason STARTING, until they are registered."""
        self.services = tuple(services)
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._refusing = tuple(f"/{service}/" for service in services)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Take the handlers of a servicer; called by generated code."""
        self._handlers.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Do nothing: the generic handlers above already hold these methods. Called by generated code."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of a call, one that refuses it while the stage starts, or None for unknown methods."""
        for each in self._handlers:
            handler = each.service(handler_call_details)
            if handler is not None:
                return handler
        if not self._handlers and handler_call_details.method.startswith(self._refusing):
            return grpc.stream_unary_rpc_method_handler(_refuse)
        return None


async def _refuse(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: ARG001 - grpc's signature
    raise UnavailableError(
        "the service is starting; try again in a moment", reason="STARTING", retry_after_s=_STARTING_RETRY_S
    )
