"""Closes what a stage opened, in a thread and to the end, whatever becomes of the wait for it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def closing_in_thread() -> AsyncIterator[ExitStack]:
    """Yield a stack whose callbacks are called at the end, in the reverse order, one after the other, in one thread.

    If the wait for that is cancelled, the thread goes on alone: the order is kept, and the event loop never blocks.
    """
    stack = ExitStack()
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.close)
