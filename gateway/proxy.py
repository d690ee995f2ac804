"""Passes every method of the services behind the gateway through, byte for byte, streams and cancellation included."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from grpc.aio import EOF

from graft.serving.call_context import REQUEST_ID_KEY, outgoing_metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from google.protobuf.descriptor import MethodDescriptor

    from gateway.backend import Backend

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Metadata = tuple[tuple[str, str | bytes], ...]


class Proxy(grpc.GenericRpcHandler):
    """Answers the methods of all backends by asking them; messages are never parsed.

    Only methods of this version's contract are passed on: an open set would let callers make up metrics' labels.
    """

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._handlers = {
            f"/{backend.service.full_name}/{method.name}": _handler(backend, method)
            for backend in backends
            for method in backend.service.methods
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler that passes the call on, None if no backend has the method."""
        return self._handlers.get(handler_call_details.method)


def _handler(backend: Backend, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
    path = f"/{backend.service.full_name}/{method.name}"
    # Without serializers: bytes in, bytes out. On the wire a single message is a stream of one, so streams in both
    # directions serve every method; but gRPC moves a single message in half as many steps, which saves most of the
    # time of a hop.
    if method.client_streaming or method.server_streaming:
        return grpc.stream_stream_rpc_method_handler(_stream_forwarder(backend, backend.channel.stream_stream(path)))
    return grpc.unary_unary_rpc_method_handler(_unary_forwarder(backend, backend.channel.unary_unary(path)))


def _unary_forwarder(backend: Backend, open_call: Any) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def _forward(request: bytes, context: Context) -> bytes:
        call = open_call(request, **_call_options(context))
        response = b""
        try:
            response = await call
            await _pass_initial_metadata(call, context)
        except grpc.aio.AioRpcError:
            pass  # the status is read from the call
        await _finish(backend, call, context)
        return response

    return _forward


def _stream_forwarder(backend: Backend, open_call: Any) -> Callable[[Any, Context], Awaitable[None]]:
    async def _forward(requests: Any, context: Context) -> None:  # noqa: ARG001 - they are read from the context
        call = open_call(**_call_options(context))
        sending = asyncio.ensure_future(_send(context, call))
        try:
            await _receive(call, context)
            await _finish(backend, call, context)
        finally:
            # However this ends (the backend is done, or the caller went away), nothing stays open behind it.
            sending.cancel()
            call.cancel()

    return _forward


async def _send(context: Any, call: Any) -> None:
    """Pass the caller's messages and its half-close on.

    A message is read only after the one before it was taken by the backend's connection, here as in `_receive`, so
    that gRPC's flow control reaches through.
    """
    try:
        while (message := await context.read()) is not EOF:
            await call.write(message)
        await call.done_writing()
    except (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
        return  # the backend ended the call before it heard everything; its status is on its way


async def _receive(call: Any, context: Context) -> None:
    """Pass the backend's initial metadata and messages on, until its status comes."""
    try:
        await _pass_initial_metadata(call, context)
        while (message := await call.read()) is not EOF:
            await context.write(message)
    except grpc.aio.AioRpcError:
        return  # the status is read from the call


async def _pass_initial_metadata(call: Any, context: Context) -> None:
    # Most servers send theirs, empty, with the first message: then so does the gateway, by writing it.
    if initial := tuple(await call.initial_metadata()):
        await context.send_initial_metadata(initial)


async def _finish(backend: Backend, call: Any, context: Context) -> None:
    """End the caller's call with the status of the backend's, its details and trailing metadata.

    Raises:
        UnavailableError: there is no backend whose status it could be.
        AbortError: by gRPC's means, the status is not OK.
    """
    code: grpc.StatusCode = await call.code()
    trailers: grpc.aio.Metadata = await call.trailing_metadata()
    if code is grpc.StatusCode.OK:
        context.set_trailing_metadata(tuple(trailers))
        return
    details: str = await call.details()
    if away := backend.absence(code, trailers, details):
        raise away
    await context.abort(code, details, tuple(trailers))


def _call_options(context: Any) -> dict[str, Any]:
    """Return deadline and metadata for the backend: the caller's, less what belongs to its own connection."""
    kept = tuple(
        (key, value)
        for key, value in context.invocation_metadata() or ()
        if key not in {REQUEST_ID_KEY, "user-agent"} and not key.startswith("grpc-")
    )
    return {"timeout": context.time_remaining(), "metadata": (*kept, *outgoing_metadata())}
