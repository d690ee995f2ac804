"""Ends calls that follow something without end, such as WatchHeads and health's Watch, when a server drains."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

FLIP_S: Final = 0.1
"""Seconds that watchers of health have to hear NOT_SERVING before their streams end."""


def is_watch(method: str) -> bool:
    """Tell whether `method` (a full name) is a watch. Waiting for the end of one would be waiting for ever."""
    return method.rpartition("/")[2].startswith("Watch")


class Watches:
    """The watches of one server; belongs to one event loop."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End all of them, and those still to come, with UNAVAILABLE: whoever follows connects anew."""
        self._ended.set()

    def ending(self, inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Return the handler `inner` (a generator, or a function that writes to the context) with an end."""
        return self._generating(inner) if inspect.isasyncgenfunction(inner) else self._writing(inner)

    def _generating(self, inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def _call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            async with aclosing(inner(request, context)) as responses:
                while True:
                    coming = asyncio.ensure_future(anext(responses, None))
                    if not await self._first(coming):
                        await _abort(context)
                    if (response := coming.result()) is None:
                        return
                    yield response

        return _call

    def _writing(self, inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        async def _call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            call = asyncio.ensure_future(inner(request, context))
            if not await self._first(call):
                await _abort(context)
            call.result()

        return _call

    async def _first(self, work: asyncio.Future[Any]) -> bool:
        """Wait for `work` or the end, whichever comes first; True for the work. Otherwise it is cancelled."""
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
            return work.done()
        finally:
            ended.cancel()
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)


async def _abort(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again")
