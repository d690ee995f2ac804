"""Pictures through a call in messages: chunks bounded in number and bytes, answers in order, resumed when it breaks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from graft.client import pictures
from graft.client.effects import Ask, Emit, Finish, Open, Pause, Receive, Run, Send
from graft.client.extra_views import NO_VIEWS, Views
from graft.client.failures import ended_early
from graft.client.message_sizes import MAX_PICTURES, fill_limit, image_limit
from graft.client.picture_calls import trunk
from graft.client.retrying import Backoff, RetryPolicy
from graft.errors import GraftError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from graft.client.effects import Call, Effect, Method, Steps
    from graft.client.feature_records import Limits
    from graft.client.pictures import Picture

T = TypeVar("T")

WINDOW: Final = 4
"""Messages that may wait for their answers."""


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """How pictures are sent and answers read.

    Attributes:
        method: the bidirectional method.
        request: the message of some pictures' bytes.
        parse: from a response and its pictures' sources to a result for each.
        unread: the result of a picture that cannot be sent.
        views: the extra views that each message asks for.
    """

    method: Method
    request: Callable[[Sequence[bytes]], Any]
    parse: Callable[[Any, Sequence[str]], Sequence[T]]
    unread: Callable[[str, GraftError], T]
    views: Views = NO_VIEWS


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture with its bytes, or why they cannot be sent."""

    source: str
    picture: Picture
    content: bytes | GraftError


@dataclass(slots=True)
class KnownLimits:
    """The extractor's limits once they were asked for; one for a client, so that later calls need not ask."""

    limits: Limits | None = None

    def ask(self, views: Views = NO_VIEWS) -> Generator[Effect, Any, Limits]:
        """Return them, if they allow the views.

        Raises:
            InvalidArgumentError: reason TOO_MANY_VIEWS.
        """
        if self.limits is None:
            self.limits = (yield Ask(trunk())).limits
        views.check(self.limits)
        return self.limits


class _Chunks:
    """Cuts pictures into messages; reads a file when its turn comes, so that one message is held at a time."""

    def __init__(self, offered: Iterable[Picture], views: Views) -> None:
        # An answer with views is then about as much work, and about as long, as one without.
        self._most = max(1, MAX_PICTURES // views.vectors)
        self._offered: Iterator[tuple[int, Picture]] = enumerate(offered)
        self._left: list[_Read] = []  # at most one, read but too large for the message before

    def next_chunk(self, limits: Limits) -> list[_Read]:
        """Return the next pictures, none at the end."""
        chunk, self._left = self._left, []
        size = sum(_size(each) for each in chunk)
        most = min(self._most, limits.max_images_per_request or MAX_PICTURES)
        longest, full = image_limit(limits), fill_limit(limits)
        for index, picture in islice(self._offered, most - len(chunk)):
            source = pictures.source_of(picture, f"#{index}")
            each = _Read(source, picture, pictures.read(picture, longest))
            if chunk and size + _size(each) > full:
                self._left = [each]
                break
            chunk.append(each)
            size += _size(each)
        return chunk


def _size(each: _Read) -> int:
    return len(each.content) if isinstance(each.content, bytes) else 0


def _sendable(chunk: list[_Read]) -> tuple[list[bytes], list[str]]:
    good = [(each.content, each.source) for each in chunk if isinstance(each.content, bytes)]
    return [content for content, _ in good], [source for _, source in good]


def _in_order(chunk: list[_Read], answers: Sequence[T], unread: Callable[[str, GraftError], T]) -> list[T]:
    answered = iter(answers)
    return [
        unread(each.source, each.content) if isinstance(each.content, GraftError) else next(answered) for each in chunk
    ]


def call_in_chunks(
    offered: Iterable[Picture],
    call: Callable[[Sequence[bytes], Sequence[str]], Call[list[T]]],
    unread: Callable[[str, GraftError], T],
    known: KnownLimits,
    views: Views = NO_VIEWS,
) -> Steps[list[T]]:
    """Emit one list: the result of each picture, in order; a call for each message, usually one."""
    chunks = _Chunks(offered, views)
    results: list[T] = []
    limits = yield from known.ask(views)
    while chunk := (yield Run(partial(chunks.next_chunk, limits))):
        contents, sources = _sendable(chunk)
        answers = (yield Ask(call(contents, sources))) if contents else []
        results += _in_order(chunk, answers, unread)
    yield Emit(results)


def stream_in_chunks(
    offered: Iterable[Picture], exchange: Exchange[T], known: KnownLimits, policy: RetryPolicy
) -> Steps[T]:
    """Emit the result of each picture, in order, while later ones are on their way."""
    chunks = _Chunks(offered, exchange.views)
    backoff = Backoff(policy)
    unanswered: deque[list[_Read]] = deque()  # at most WINDOW messages, sent again if the stream breaks
    while True:
        try:
            limits = yield from known.ask(exchange.views)
            yield from _stream(chunks, unanswered, exchange, limits, backoff)
        except UnavailableError as error:
            yield Pause(backoff.pause_s(error))
        else:
            return


def _send(chunk: list[_Read], exchange: Exchange[T]) -> Steps[T]:
    contents, _ = _sendable(chunk)
    if contents:  # otherwise nothing is asked, and nothing will be answered
        yield Send(exchange.request(contents))


def _stream(
    chunks: _Chunks, unanswered: deque[list[_Read]], exchange: Exchange[T], limits: Limits, backoff: Backoff
) -> Steps[T]:
    yield Open(exchange.method)
    # The first message waits for its answer alone: a refusal of the whole call then arrives as what it is, and not as
    # a broken stream that further messages were being written to.
    window, sent = 1, 0
    while True:
        while sent < window:
            if sent == len(unanswered):
                chunk = yield Run(partial(chunks.next_chunk, limits))
                if not chunk:
                    break
                unanswered.append(chunk)
            yield from _send(unanswered[sent], exchange)
            sent += 1
        if not unanswered:
            break
        _, sources = _sendable(unanswered[0])
        answers: Sequence[T] = ()
        if sources:
            response = yield Receive()
            if response is None:
                raise ended_early()
            answers = exchange.parse(response, sources)
        backoff.progressed()
        window, sent = WINDOW, sent - 1
        for result in _in_order(unanswered.popleft(), answers, exchange.unread):
            yield Emit(result)
    yield Finish()
    yield Receive()
