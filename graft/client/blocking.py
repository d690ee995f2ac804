"""Performs the effects of the client's logic on a blocking channel."""

from __future__ import annotations

import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from graft.client.effects import Ask, Emit, Finish, Open, Pause, Receive, Run, Send
from graft.client.failures import to_graft_error
from graft.client.stubs import stubs_of
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft.client.effects import Call, Effect, Steps

T = TypeVar("T")


class BlockingRunner:
    """Runs calls and steps on one channel; safe to use from several threads."""

    def __init__(self, channel: grpc.Channel, target: str, timeout_s: float | None) -> None:
        """Give single calls `timeout_s` seconds, None for ever; streams end when they are done."""
        self._stubs = stubs_of(channel)
        self._target = target
        self._timeout_s = timeout_s

    def call(self, call: Call[T]) -> T:
        """Return the result of one call.

        Raises:
            GraftError: what it ended with.
        """
        method = getattr(self._stubs[call.method.service], call.method.name)
        try:
            return call.parse(method(call.request, timeout=self._timeout_s))
        except grpc.RpcError as error:
            raise to_graft_error(error, self._target) from error

    def run(self, steps: Steps[T]) -> T:
        """Return the last value that the steps emit."""
        *_, last = self.iterate(steps)
        return last

    def iterate(self, steps: Steps[T]) -> Iterator[T]:
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
                    answer = self._perform(effect, stream)
                except GraftError as error:
                    failure = error
        finally:
            stream.close()
            steps.close()

    def _perform(self, effect: Effect, stream: _Stream) -> Any:
        match effect:
            case Ask(call=call):
                return self.call(call)
            case Pause(seconds=seconds):
                return time.sleep(seconds)
            case Run(function=function):
                return function()
            case _:
                return stream.perform(effect)


class _Stream:
    """The streaming call that is open, if one is; gRPC takes requests from a queue in a thread of its own."""

    def __init__(self, stubs: dict[str, Any], target: str) -> None:
        self._stubs = stubs
        self._target = target
        self._call: Any = None
        self._requests: SimpleQueue[Any] = SimpleQueue()

    def perform(self, effect: Open | Send | Finish | Receive) -> Any:
        match effect:
            case Open():
                return self._open(effect)
            case Send(request=request):
                return self._requests.put(request)
            case Finish():
                return self._requests.put(None)
            case Receive():
                return self._receive()

    def _open(self, effect: Open) -> None:
        self.close()
        method = getattr(self._stubs[effect.method.service], effect.method.name)
        if effect.request is None:
            self._requests = SimpleQueue()
            self._call = method(iter(self._requests.get, None))
        else:
            self._call = method(effect.request)

    def _receive(self) -> Any:
        try:
            return next(self._call, None)
        except grpc.RpcError as error:
            raise to_graft_error(error, self._target) from error

    def close(self) -> None:
        if self._call is not None:
            self._call.cancel()  # does nothing if it has ended
            self._requests.put(None)  # lets go of the thread that waits for requests
            self._call = None
