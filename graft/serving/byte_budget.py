"""Bounds the bytes of the messages that are worked on at once, over all streams of a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class ByteBudget:
    """What the streams of a server share; belongs to one event loop.

    Args:
        limit: bytes under way at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Whoever waits, waits for the event that was there when it looked; each release sets it and puts up a new one.
        self._released = asyncio.Event()
        self.spent = 0
        """Bytes under way."""

    async def reserve(self, size: int, in_any_case: Callable[[], bool]) -> None:
        """Wait until so many bytes fit, or may be spent in any case, and spend them at that very moment."""
        while self.spent + size > self._limit and not in_any_case():
            await self._released.wait()
        self.spent += size

    def release(self, size: int) -> None:
        """Give bytes back. It waits for nothing, so that no cancellation can keep it from being done."""
        self.spent -= size
        self._released.set()
        self._released = asyncio.Event()


class StreamShare(Generic[_Request]):
    """One stream's part of a budget, as a context. It may always have one message under way, however large.

    Args:
        budget: the server's.
        size_of: bytes of a request, always the same for the same request.
    """

    def __init__(self, budget: ByteBudget, size_of: Callable[[_Request], int]) -> None:
        self._budget = budget
        self._size_of = size_of
        self._messages = 0
        self._size = 0

    def __enter__(self) -> Self:
        """Begin the stream."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what was reserved for requests whose work was never begun."""
        self._budget.release(self._size)
        self._messages = self._size = 0

    async def metered(self, requests: AsyncIterable[_Request]) -> AsyncIterator[_Request]:
        """Yield the stream's requests, each when there is room for it; the next one is not read before that.

        From then on its bytes count, until `spend` is done with it.
        """
        async for request in requests:
            size = self._size_of(request)
            await self._budget.reserve(size, lambda: not self._messages)
            self._messages += 1
            self._size += size
            yield request

    async def spend(self, request: _Request, work: Callable[[_Request], Awaitable[_Response]]) -> _Response:
        """Do the work on a request that `metered` yielded; its bytes are free when it is done or cancelled."""
        try:
            return await work(request)
        finally:
            if self._messages:  # else the stream has ended, and given back everything
                size = self._size_of(request)
                self._messages -= 1
                self._size -= size
                self._budget.release(size)
