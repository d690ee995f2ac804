"""Works on several messages of a stream at once and answers them in their order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


async def in_order(
    requests: AsyncIterable[_Request], answer: Callable[[_Request], Awaitable[_Response]], window: int
) -> AsyncGenerator[_Response, None]:
    """Yield `answer(request)` for each request, in order, with at most `window` of them under way or unread.

    A request is read only when there is room for it, so a slow consumer slows the producer down. The first error ends
    the stream after the answers before it; whatever is under way is cancelled then, and when the consumer goes away.
    """
    answers: asyncio.Queue[Task[_Response] | None] = asyncio.Queue()
    room = asyncio.Semaphore(window)

    async def read() -> None:
        try:
            await room.acquire()
            async for request in requests:
                answers.put_nowait(asyncio.ensure_future(answer(request)))
                await room.acquire()
        finally:
            answers.put_nowait(None)

    reader = asyncio.ensure_future(read())
    task: Task[_Response] | None = None
    try:
        while (task := await answers.get()) is not None:
            yield await task
            room.release()
        await reader  # its error, if reading failed
    finally:
        leftover: list[Task[Any]] = [reader, *([task] if task else [])]
        while not answers.empty():
            if waiting := answers.get_nowait():
                leftover.append(waiting)
        for each in leftover:
            each.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)
