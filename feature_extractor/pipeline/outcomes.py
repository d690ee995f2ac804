"""Waits, in the event loop, for pictures that other threads work on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from graft.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from feature_extractor.pipeline.flights import Extracted


async def outcomes(futures: Sequence[Future[Extracted]]) -> list[Extracted | BaseException]:
    """Return what became of each picture, in order; errors are returned, not raised.

    If the caller goes away, so that this is cancelled, the pictures are cancelled too: those that nobody else waits
    for are dropped before they cost anything more.
    """
    pending = [_copy(future) for future in futures if not future.done()]
    try:
        if pending:
            await asyncio.wait(pending)
    finally:
        for future in futures:
            future.cancel()  # does nothing to one that is done
    return [_outcome(future) for future in futures]


def _copy(future: Future[Extracted]) -> asyncio.Future[Extracted]:
    """Return a future of the event loop, whose error is taken from it at once: the original's is the one read.

    asyncio would log each error that nobody took, with a traceback, in the event loop, and so hold up health checks.
    """
    copy = asyncio.wrap_future(future)
    copy.add_done_callback(_take_error)
    return copy


def _take_error(copy: asyncio.Future[Extracted]) -> None:
    if not copy.cancelled():
        copy.exception()


def _outcome(future: Future[Extracted]) -> Extracted | BaseException:
    if future.cancelled():
        return CancelledError("the picture was dropped: nobody waited for it any more")
    error = future.exception()
    return future.result() if error is None else error
