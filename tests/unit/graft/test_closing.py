"""Closing in a thread: the order, and what a cancelled wait changes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from graft.serving.closing import closing_in_thread

SOON_S = 10.0


async def test_what_was_opened_is_closed_in_the_reverse_order_in_one_other_thread() -> None:
    """The event loop is free meanwhile."""
    closed: list[tuple[str, str]] = []

    def note(name: str) -> None:
        closed.append((name, threading.current_thread().name))

    async with closing_in_thread() as closing:
        for name in ("first", "second", "third"):
            closing.callback(note, name)
    assert [name for name, _ in closed] == ["third", "second", "first"]
    assert len({thread for _, thread in closed} | {threading.current_thread().name}) == 2


async def test_a_cancelled_wait_leaves_the_thread_to_finish_in_order() -> None:
    """Nothing is closed in the event loop, nothing before what holds it is done, and nothing twice."""
    closed: list[str] = []
    begun, go, done = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def close_batcher() -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(SOON_S)
        closed.append("batcher")

    async def serve() -> None:
        async with closing_in_thread() as closing:
            closing.callback(done.set)
            closing.callback(closed.append, "cache")
            closing.callback(close_batcher)

    serving = asyncio.ensure_future(serve())
    await begun.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert closed == []
    go.set()
    assert await asyncio.to_thread(done.wait, SOON_S)
    assert closed == ["batcher", "cache"]


async def test_what_was_opened_is_closed_when_the_rest_cannot_be_opened() -> None:
    """The error goes on its way after that."""
    closed: list[str] = []

    async def open_half() -> None:
        async with closing_in_thread() as closing:
            closing.callback(closed.append, "first")
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await open_half()
    assert closed == ["first"]
