"""The bytes of the messages under way, over all streams."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from graft.serving.byte_budget import ByteBudget, StreamShare
from graft.serving.windows import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Stream:
    """One stream of messages whose bytes are numbers, worked on as a server does."""

    def __init__(self, budget: ByteBudget, sizes: list[int]) -> None:
        self.read: list[int] = []
        self.begun: list[int] = []
        self.gates = [asyncio.Event() for _ in sizes]
        self._sizes = sizes
        self._moved = asyncio.Condition()
        self._share = StreamShare[int](budget, self._sizes.__getitem__)

    async def answers(self) -> AsyncIterator[int]:
        """The messages' places, each when its gate is opened; four at once."""
        with self._share as share:
            requests = share.metered(self._requests())
            async with aclosing(in_order(requests, lambda place: share.spend(place, self._work), 4)) as answers:
                async for answer in answers:
                    yield answer

    async def await_begun(self, count: int) -> None:
        """Wait until the work on so many messages has begun."""
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.begun) >= count)

    async def await_read(self, count: int) -> None:
        """Wait until so many messages have been read."""
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.read) >= count)

    async def _requests(self) -> AsyncIterator[int]:
        for place in range(len(self._sizes)):
            await asyncio.sleep(0)  # as a message that comes over the wire, it is not there at once
            await asyncio.sleep(0)
            await self._note(self.read, place)
            yield place

    async def _work(self, place: int) -> int:
        await self._note(self.begun, place)
        await self.gates[place].wait()
        return place

    async def _note(self, where: list[int], place: int) -> None:
        async with self._moved:
            where.append(place)
            self._moved.notify_all()


async def collect(stream: Stream) -> list[int]:
    """All of its answers."""
    return [answer async for answer in stream.answers()]


async def test_messages_within_the_budget_are_worked_on_at_once() -> None:
    """Four of ten bytes fit forty."""
    budget = ByteBudget(40)
    stream = Stream(budget, [10] * 4)
    answers = asyncio.ensure_future(collect(stream))
    await stream.await_begun(4)
    assert budget.spent == 40
    for gate in stream.gates:
        gate.set()
    assert await answers == [0, 1, 2, 3]
    assert budget.spent == 0


async def test_a_message_past_the_budget_waits_and_nothing_is_read_behind_it() -> None:
    """The third is begun when the first is done, and the fourth was not read before."""
    stream = Stream(ByteBudget(20), [10] * 4)
    answers = asyncio.ensure_future(collect(stream))
    await stream.await_begun(2)
    await stream.await_read(3)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (stream.begun, stream.read) == ([0, 1], [0, 1, 2])
    stream.gates[0].set()
    await stream.await_begun(3)
    for gate in stream.gates:
        gate.set()
    assert await answers == [0, 1, 2, 3]


async def test_each_stream_may_have_one_message_however_large() -> None:
    """With the budget spent by another, a stream still works on one message at a time, and both come to an end."""
    budget = ByteBudget(20)
    greedy, small = Stream(budget, [500]), Stream(budget, [5, 5])
    first = asyncio.ensure_future(collect(greedy))
    await greedy.await_begun(1)
    second = asyncio.ensure_future(collect(small))
    await small.await_read(2)
    assert small.begun == [0]
    assert budget.spent == 505
    small.gates[0].set()
    small.gates[1].set()
    greedy.gates[0].set()
    assert (await first, await second) == ([0], [0, 1])
    assert budget.spent == 0


async def test_what_a_cancelled_stream_had_spent_is_free_again() -> None:
    """Its messages under way are given up, and another stream has their room."""
    budget = ByteBudget(20)
    gone, next_one = Stream(budget, [10, 10, 10]), Stream(budget, [10, 10])
    answers = asyncio.ensure_future(collect(gone))
    await gone.await_begun(2)
    answers.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answers
    assert budget.spent == 0
    following = asyncio.ensure_future(collect(next_one))
    await next_one.await_begun(2)
    for gate in next_one.gates:
        gate.set()
    assert await following == [0, 1]


async def one(request: bytes) -> AsyncIterator[bytes]:
    """A stream of one message."""
    yield request


async def test_work_that_fails_gives_its_bytes_back() -> None:
    """The error comes through and nothing stays spent."""
    budget = ByteBudget(20)
    share = StreamShare[bytes](budget, len)
    assert await anext(share.metered(one(b"four"))) == b"four"

    async def fail(request: bytes) -> None:
        assert budget.spent == len(request)
        raise ValueError(request.decode())

    with pytest.raises(ValueError, match="four"):
        await share.spend(b"four", fail)
    assert budget.spent == 0


async def test_those_who_wait_for_the_same_room_do_not_all_get_it() -> None:
    """Of nine streams that wait with a large message each, as many go on as fit when there is room again."""
    budget = ByteBudget(100)
    streams = [Stream(budget, [10, 50]) for _ in range(9)]
    answers = [asyncio.ensure_future(collect(stream)) for stream in streams]
    for stream in streams:
        await stream.await_read(2)
    assert budget.spent == 90
    for stream in streams[:4]:  # four have nothing under way now, so that each may have one message in any case
        stream.gates[0].set()
        await stream.await_begun(2)
    assert budget.spent == 5 * 10 + 4 * 50
    for stream in streams:
        for gate in stream.gates:
            gate.set()
    assert await asyncio.gather(*answers) == [[0, 1]] * 9
    assert budget.spent == 0


async def test_room_goes_to_as_many_as_fit() -> None:
    """Three wait for sixty bytes each: with a hundred free one of them has them, and the next when it is done."""
    budget = ByteBudget(100)
    await budget.reserve(100, bool)
    waiting = [asyncio.ensure_future(budget.reserve(60, bool)) for _ in range(3)]
    await asyncio.sleep(0)
    for done in (1, 2, 3):
        budget.release(100 if done == 1 else 60)
        await asyncio.wait(waiting[:done])
        assert [each.done() for each in waiting] == [number < done for number in range(3)]
        assert budget.spent == 60


async def test_a_stream_waits_for_no_other_while_it_has_nothing_under_way() -> None:
    """With the budget spent by another, its next message is begun as soon as its last one is done."""
    budget = ByteBudget(20)
    await budget.reserve(20, bool)
    stream = Stream(budget, [15, 15])
    answers = asyncio.ensure_future(collect(stream))
    await stream.await_read(2)
    assert stream.begun == [0]
    stream.gates[0].set()
    await stream.await_begun(2)
    stream.gates[1].set()
    assert await answers == [0, 1]
    assert budget.spent == 20


async def test_what_was_never_begun_is_given_back_at_the_end_of_the_stream() -> None:
    """A message whose work is cancelled before its first step counts no longer than its stream."""
    budget = ByteBudget(20)

    async def work(request: bytes) -> None:
        raise AssertionError(request)

    with StreamShare[bytes](budget, len) as share:
        request = await anext(share.metered(one(b"four")))
        task = asyncio.ensure_future(share.spend(request, work))
        task.cancel()
        await asyncio.wait({task})
        assert budget.spent == 4
    assert budget.spent == 0
