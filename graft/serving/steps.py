"""Runs a generator of blocking steps in threads, for an event loop that must not block."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

_Step = TypeVar("_Step")


async def in_threads(steps: Generator[_Step, None, None]) -> AsyncGenerator[_Step, None]:
    """Yield what the generator yields, each step taken in a thread; it is closed when the consumer goes away.

    A step that has begun when that happens is waited for, since a generator cannot be closed while it runs.
    """
    end = object()
    step: asyncio.Future[object] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, steps, end))
            done = await asyncio.shield(step)
            if done is end:
                return
            yield done  # type: ignore[misc]  # it is a step, since it is not the end
    finally:
        if step is not None and not step.done():
            await asyncio.wait({step})
        await asyncio.to_thread(steps.close)
