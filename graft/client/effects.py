"""What a step of the client's logic may ask of the outside world; the logic itself does no I/O and no waiting.

Logic that takes more than one call is a generator of effects. A runner, blocking or asyncio, performs each and sends
the answer back in, or throws the GraftError that it ended with. So the logic is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the wire: its service's short name, such as `TrainerService`, and its own."""

    service: str
    name: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call with one request and one response.

    Attributes:
        method: what to call.
        request: its message.
        parse: turns the response into the result.
    """

    method: Method
    request: Any
    parse: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class Ask:
    """Make a call; the answer is its parsed result."""

    call: Call[Any]


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a streaming call, ending one that is open. `request` is None if requests are streamed too."""

    method: Method
    request: Any = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request on the open stream."""

    request: Any


@dataclass(frozen=True, slots=True)
class Finish:
    """Say on the open stream that no more requests follow."""


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for the open stream's next response; the answer is None at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Call a function that may block on files; the answer is what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Hand a result to the caller."""

    value: T


Effect: TypeAlias = Ask | Open | Send | Finish | Receive | Pause | Run
Steps: TypeAlias = Generator[Effect | Emit[T], Any, None]
"""Logic that emits results of type T."""
