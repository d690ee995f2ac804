"""A generator of blocking steps, taken in threads."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from graft.serving.steps import in_threads

if TYPE_CHECKING:
    from collections.abc import Generator

SOON_S = 10.0


class Steps:
    """A generator that can be held up in its second step, and says where it was run and that it was closed."""

    def __init__(self, *, held: bool = False, fails: bool = False) -> None:
        self.threads: set[int] = set()
        self.entered = threading.Event()
        self.go = threading.Event()
        self.closed = threading.Event()
        self._held = held
        self._fails = fails

    def run(self) -> Generator[int, None, None]:
        """0, 1, 2; or an error after 0."""
        try:
            for number in range(3):
                self.threads.add(threading.get_ident())
                if number == 1:
                    self.entered.set()
                    if self._held:
                        assert self.go.wait(SOON_S)
                    if self._fails:
                        raise ValueError("the second step")
                yield number
        finally:
            self.closed.set()


async def test_each_step_is_taken_outside_the_event_loops_thread() -> None:
    """All steps come, in order, and the loop's own thread runs none of them."""
    steps = Steps()
    assert [number async for number in in_threads(steps.run())] == [0, 1, 2]
    assert threading.get_ident() not in steps.threads
    assert steps.closed.is_set()


async def test_the_event_loop_runs_on_during_a_step() -> None:
    """While a step blocks, the loop does other things: here, what the step waits for."""
    steps = Steps(held=True)

    async def let_go() -> None:
        assert await asyncio.to_thread(steps.entered.wait, SOON_S)
        steps.go.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(let_go())
        assert [number async for number in in_threads(steps.run())] == [0, 1, 2]


async def test_an_error_comes_through_after_the_steps_before_it() -> None:
    """What was yielded before arrives, then the error, and the generator is closed."""
    steps = Steps(fails=True)
    seen: list[int] = []

    async def consume() -> None:
        async for number in in_threads(steps.run()):
            seen.append(number)  # noqa: PERF401  # what came before the error is the point

    with pytest.raises(ValueError, match="the second step"):
        await consume()
    assert seen == [0]
    assert steps.closed.is_set()


async def test_closing_early_closes_the_generator() -> None:
    """A consumer that leaves between two steps leaves nothing open."""
    steps = Steps()
    async with aclosing(in_threads(steps.run())) as numbers:
        assert await anext(numbers) == 0
    assert steps.closed.is_set()
    assert not steps.entered.is_set()


async def test_a_consumer_cancelled_during_a_step_waits_for_it_and_closes_the_generator() -> None:
    """A running generator cannot be closed, so the step is finished first."""
    steps = Steps(held=True)

    async def consume() -> None:
        async for _ in in_threads(steps.run()):
            pass

    consumer = asyncio.ensure_future(consume())
    assert await asyncio.to_thread(steps.entered.wait, SOON_S)
    consumer.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not consumer.done()
    assert not steps.closed.is_set()
    steps.go.set()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert steps.closed.is_set()
