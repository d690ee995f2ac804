"""Begins the pictures of a message for a caller in the event loop, which must answer health checks meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from feature_extractor.pipeline.calls import Pending, Terms
    from feature_extractor.pipeline.extraction import Extraction

# Hashing this much takes about 0.15 ms: longer work must not hold up the event loop.
_INLINE_BYTES: Final = 256 * 1024
# Looking up one picture or view takes about 25 microseconds.
_INLINE_INPUTS: Final = 16


async def begin(extraction: Extraction, contents: list[bytes], terms: Terms) -> list[Pending]:
    """`Extraction.extract_many`, in a thread if it takes long.

    If the caller goes away before the thread gets to it, nothing of it is done and the contents are forgotten; if it
    goes later, what was begun is cancelled.
    """
    inputs = len(contents) * (1 + len(terms.views))
    if inputs <= _INLINE_INPUTS and sum(map(len, contents)) <= _INLINE_BYTES:
        return extraction.extract_many(contents, terms)
    queued = [contents]
    del contents

    def take_and_begin() -> list[Pending]:
        try:
            mine = queued.pop()
        except IndexError:  # the caller went away first
            return []
        return extraction.extract_many(mine, terms)

    beginning = asyncio.ensure_future(asyncio.to_thread(take_and_begin))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:  # the caller is gone, the thread is not
        queued.clear()
        beginning.add_done_callback(_give_up)
        raise


def _give_up(beginning: asyncio.Task[list[Pending]]) -> None:
    """Cancel what was begun for a caller that is gone."""
    if not beginning.cancelled() and beginning.exception() is None:
        for picture in beginning.result():
            for future in picture.futures:
                future.cancel()
