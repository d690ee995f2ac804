"""Bounds the bytes of the messages that are worked on at once, over all streams of a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

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
        self._changed = asyncio.Condition()
        self.spent = 0
        """Bytes under way."""

    async def wait_for_room(self, size: int) -> None:
        """Wait until so many bytes fit."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.spent + size <= self._limit)

    async def add(self, size: int) -> None:
        """Count bytes that come under way, or, negative, that are done."""
        async with self._changed:
            self.spent += size
            self._changed.notify_all()


class StreamShare(Generic[_Request]):
    """One stream's part of a budget. It may always have one message under way, however large.

    Args:
        budget: the server's.
        size_of: bytes of a request.
    """

    def __init__(self, budget: ByteBudget, size_of: Callable[[_Request], int]) -> None:
        self._budget = budget
        self._size_of = size_of
        self._under_way = 0

    async def metered(self, requests: AsyncIterable[_Request]) -> AsyncIterator[_Request]:
        """Yield the stream's requests, each when there is room for it; the next one is not read before that."""
        async for request in requests:
            if self._under_way:
                await self._budget.wait_for_room(self._size_of(request))
            yield request

    async def spend(self, request: _Request, work: Callable[[_Request], Awaitable[_Response]]) -> _Response:
        """Do the work on one request, whose bytes count until it is done or cancelled."""
        size = self._size_of(request)
        self._under_way += 1
        await self._budget.add(size)
        try:
            return await work(request)
        finally:
            self._under_way -= 1
            await self._budget.add(-size)
