"""Working on several messages of a stream at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from graft.serving.windows import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def numbers(count: int, read: list[int]) -> AsyncIterator[int]:
    """Yield 0, 1, 2 … and note what was read."""
    for each in range(count):
        read.append(each)
        yield each


async def test_answers_keep_the_order_of_requests() -> None:
    """A quick answer waits for a slow one before it."""
    first = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 0:
            await first.wait()
        if number == 2:
            first.set()
        return number * 10

    assert [each async for each in in_order(numbers(5, []), answer, 3)] == [0, 10, 20, 30, 40]


async def test_no_more_than_the_window_is_read_ahead() -> None:
    """While nobody takes answers, only as many requests as the window are read."""
    read: list[int] = []
    started = asyncio.Semaphore(0)

    async def answer(number: int) -> int:
        started.release()
        return number

    stream = in_order(numbers(10, read), answer, 3)
    assert await anext(stream) == 0
    for _ in range(3):
        await started.acquire()
    assert len(read) <= 4
    assert [each async for each in stream] == list(range(1, 10))


async def test_an_error_ends_the_stream_after_the_answers_before_it() -> None:
    """What was answered before the error arrives; what comes after it is cancelled."""
    cancelled = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        if number == 2:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return number

    stream = in_order(numbers(3, []), answer, 3)
    assert await anext(stream) == 0
    with pytest.raises(ValueError, match="one"):
        await anext(stream)
    assert cancelled.is_set()


async def test_a_consumer_that_leaves_cancels_what_is_under_way() -> None:
    """Closing the stream cancels answers in progress."""
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(number: int) -> int:
        if number == 1:
            entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return number

    stream = in_order(numbers(2, []), answer, 2)
    assert await anext(stream) == 0
    await entered.wait()
    await stream.aclose()  # type: ignore[attr-defined] # an async generator, typed by what it yields
    assert cancelled.is_set()
