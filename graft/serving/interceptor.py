"""The one interceptor of every server: call context, errors to status, metrics and the access log, streams too."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import structlog
from grpc_status import rpc_status

from graft import statuses
from graft.errors import Code, DeadlineExceededError, GraftError, InternalError
from graft.serving.call_context import REQUEST_ID_KEY, CallContext, enter_call
from graft.serving.watches import is_watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from graft.serving.metrics import CallMetrics
    from graft.serving.watches import Watches

    _Handler = grpc.RpcMethodHandler[Any, Any]

_log: Final = structlog.get_logger("graft.calls")
# A status that was sent already, or a caller that is gone: in both cases gRPC knows what to do. InternalError is what a
# handler's own write raises when the caller went away during it.
_GRPCS_OWN: Final = (grpc.aio.AbortError, grpc.aio.InternalError, asyncio.CancelledError)
_UNTRACKED: Final = ("/grpc.health.v1.", "/grpc.reflection.")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler so that servicers only read a request, call the domain and build a response.

    An exception that knows its status becomes that status with its details; the error of a call to the next hop is
    passed on as it came; anything else becomes INTERNAL with a fixed text, and its traceback goes to the log.
    """

    def __init__(self, metrics: CallMetrics, watches: Watches) -> None:
        self._metrics = metrics
        self._watches = watches
        # By method, with the handler it wraps: while a stage starts, a method has another one.
        self._wrapped: dict[str, tuple[_Handler, _Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the method, wrapped; None, as it came, for an unknown method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return None
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, self._wrap(method, handler))
        return known[1]

    def _wrap(self, method: str, handler: _Handler) -> _Handler:
        kind = "_".join(
            "stream" if each else "unary" for each in (handler.request_streaming, handler.response_streaming)
        )
        inner: Any = getattr(handler, kind)
        if is_watch(method):
            inner = self._watches.ending(inner)
        # Health and reflection are not measured nor logged: they must answer whatever else goes on.
        if method.startswith(_UNTRACKED):
            behaviour = inner
        else:
            behaviour = (self._streaming if handler.response_streaming else self._unary)(method, inner)
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: _Handler = make(
            behaviour,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _unary(self, method: str, inner: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        metrics = self._metrics.of(method)

        async def _call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            call = _enter(context)
            with metrics.track() as outcome:
                try:
                    response = await inner(request, context)
                except BaseException as error:  # noqa: BLE001 - _fail raises again, whatever it is
                    outcome.code = _code_of(error, context)
                    await _fail(method, call, context, error)
                return response

        return _call

    def _streaming(self, method: str, inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], AsyncIterator[Any]]:
        generates = inspect.isasyncgenfunction(inner)
        metrics = self._metrics.of(method)

        async def _call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            call = _enter(context)
            with metrics.track() as outcome:
                try:
                    if generates:
                        # Closed here and now when the caller goes away, not when the garbage is collected.
                        async with aclosing(inner(request, context)) as responses:
                            async for response in responses:
                                yield response
                    else:  # the handler writes to the context itself
                        await inner(request, context)
                except GeneratorExit:
                    outcome.code = Code.CANCELLED.name
                    raise
                except BaseException as error:  # noqa: BLE001 - as above
                    outcome.code = _code_of(error, context)
                    await _fail(method, call, context, error)

        return _call


def _enter(context: grpc.aio.ServicerContext[Any, Any]) -> CallContext:
    remaining: float | None = context.time_remaining()
    call = enter_call(context.invocation_metadata() or (), remaining)
    structlog.contextvars.bind_contextvars(request_id=call.request_id)
    context.set_trailing_metadata(((REQUEST_ID_KEY, call.request_id),))
    return call


def _code_of(error: BaseException, context: grpc.aio.ServicerContext[Any, Any]) -> str:
    if isinstance(error, GraftError):
        return error.code.name
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code().name
    if isinstance(error, (asyncio.CancelledError, grpc.aio.InternalError)):
        return Code.CANCELLED.name
    if isinstance(error, TimeoutError):
        return Code.DEADLINE_EXCEEDED.name
    if isinstance(error, grpc.aio.AbortError):
        code: Any = context.code()  # typed as a number, but a grpc.StatusCode it is
        return str(code.name)
    return Code.INTERNAL.name


async def _fail(
    method: str, call: CallContext, context: grpc.aio.ServicerContext[Any, Any], error: BaseException
) -> NoReturn:
    if isinstance(error, _GRPCS_OWN) or not isinstance(error, Exception):
        raise error
    if isinstance(error, grpc.aio.AioRpcError):
        error = statuses.from_rpc_error(error)
    elif isinstance(error, TimeoutError):
        error = DeadlineExceededError("the deadline passed before the work was done")
    if isinstance(error, GraftError):
        _log.info("refused", method=method, code=error.code.name, reason=error.reason, message=error.message)
    else:
        _log.error("failed", method=method, exc_info=error)
        error = InternalError(f"internal error; the server's log has the details under request id {call.request_id}")
    status = rpc_status.to_status(statuses.to_status(error))
    trailers = [*status.trailing_metadata, (REQUEST_ID_KEY, call.request_id)]
    if pushback := statuses.pushback_ms(error):
        trailers.append((statuses.PUSHBACK_KEY, str(pushback)))
    # abort_with_status would do, but takes the trailers only of the status.
    await context.abort(status.code, status.details, tuple(trailers))
    raise AssertionError("abort raises")  # for the type checker: abort never returns
