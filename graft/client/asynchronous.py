"""Performs the effects of the client's logic on an asyncio channel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from graft.client.effects import Ask, Emit, Finish, Open, Pause, Receive, Run, Send
from graft.client.failures import to_graft_error
from graft.client.stubs import stubs_of
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from graft.client.effects import Call, Effect, Steps

T = TypeVar("T")


class AsyncRunner:
    """Runs calls and steps on one channel, in its event loop."""

    def __init__(self, channel: grpc.aio.Channel, target: str, timeout_s: float | None) -> None:
        """Give single calls `timeout_s` seconds, None for ever; streams end when they are done."""
        self._stubs = stubs_of(channel)
        self._target = target
        self._timeout_s = timeout_s

    async def call(self, call: Call[T]) -> T:
        """Return the result of one call.

        Raises:
            GraftError: what it ended with.
        """
        method = getattr(self._stubs[call.method.service], call.method.name)
        try:
            return call.parse(await method(call.request, timeout=self._timeout_s))
        except grpc.aio.AioRpcError as error:
            raise to_graft_error(error, self._target) from error

    async def run(self, steps: Steps[T]) -> T:
        """Return the last value that the steps emit."""
        last = [value async for value in self.iterate(steps)][-1:]
        return last[0]

    async def iterate(self, steps: Steps[T]) -> AsyncIterator[T]:
        """Yield what the steps emit. Ending early cancels the stream that is open."""
        stream = _Stream(self._stubs, self._target)
        answer: Any = None
        failure: GraftError | None = None
        try:
            while True:
                try:
                    effect = steps.throw(failure) if failure else steps.send(answer)
                except StopIteration:
                    return
                answer, failure = None, None
                if isinstance(effect, Emit):
                    yield effect.value
                    continue
                try:
                    answer = await self._perform(effect, stream)
                except GraftError as error:
                    failure = error
        finally:
            stream.close()
            steps.close()

    async def _perform(self, effect: Effect, stream: _Stream) -> Any:
        match effect:
            case Ask(call=call):
                return await self.call(call)
            case Pause(seconds=seconds):
                return await asyncio.sleep(seconds)
            case Run(function=function):
                return await asyncio.to_thread(function)
            case _:
                return await stream.perform(effect)


class _Stream:
    """The streaming call that is open, if one is."""

    def __init__(self, stubs: dict[str, Any], target: str) -> None:
        self._stubs = stubs
        self._target = target
        self._call: Any = None

    async def perform(self, effect: Open | Send | Finish | Receive) -> Any:
        try:
            match effect:
                case Open():
                    self._open(effect)
                case Send(request=request):
                    await self._call.write(request)
                case Finish():
                    await self._call.done_writing()
                case Receive():
                    response = await self._call.read()
                    return None if response is grpc.aio.EOF else response
        except asyncio.InvalidStateError:
            # The call ended before this could be written; Receive says how it ended.
            return None
        except grpc.aio.AioRpcError as error:
            raise to_graft_error(error, self._target) from error

    def _open(self, effect: Open) -> None:
        self.close()
        method = getattr(self._stubs[effect.method.service], effect.method.name)
        self._call = method() if effect.request is None else method(effect.request)

    def close(self) -> None:
        if self._call is not None:
            self._call.cancel()  # does nothing if it has ended
            self._call = None
