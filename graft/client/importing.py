"""The course of an import: who is asked for what, which picture travels as bytes, and what happens when a call breaks.

Every picture is in exactly one place: not yet read, `ready` to be sent, `deferred` behind an identical one that is on
its way, in a message of `in_flight`, or counted. A broken stream moves `in_flight` back to `ready`; so nothing is lost
and nothing is counted twice.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from graft import statuses
from graft.client import import_messages, picture_calls, trainer_calls
from graft.client.effects import Ask, Emit, Finish, Open, Pause, Receive, Run, Send
from graft.client.failures import cache_full, ended_early
from graft.client.hashing import HashingReader
from graft.client.import_messages import Outgoing
from graft.client.message_sizes import MAX_PICTURES, fill_limit, image_limit
from graft.client.retrying import Backoff, RetryPolicy
from graft.errors import GraftError, InternalError, UnavailableError
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any

    from graft.client.effects import Effect, Steps
    from graft.client.extra_views import Views
    from graft.client.feature_records import Trunk
    from graft.client.import_tally import ImportTally
    from graft.client.pictures import Hashed, LabelledPicture
    from graft.client.reports import ImportProgress, ImportReport

WINDOW: Final = 4
"""Messages that may wait for their answers; bounds what is in memory to about WINDOW times what a message may hold."""

MAX_DEFERRED: Final = 4096
"""Reading pauses while so many pictures wait for identical ones."""


class Importer:
    """One import into one dataset."""

    def __init__(
        self, dataset: str, items: Iterable[LabelledPicture], views: Views, tally: ImportTally, policy: RetryPolicy
    ) -> None:
        self._dataset = dataset
        self._views = views
        self._reader = HashingReader(items)
        self._tally = tally
        self._backoff = Backoff(policy)
        self._trunk: Trunk | None = None
        self._group: list[Hashed] = []  # read, but not yet looked up in the cache
        self._exhausted = False
        self._ready: deque[Outgoing] = deque()
        self._deferred: dict[bytes, list[Outgoing]] = {}
        self._deferred_count = 0
        self._in_flight: deque[list[Outgoing]] = deque()
        self._travelling: set[bytes] = set()  # digests whose bytes are in flight
        self._stored: set[bytes] = set()  # digests acknowledged since the cache was asked last

    def steps(self) -> Steps[ImportProgress | ImportReport]:
        """Emit progress after each acknowledged message, and the report at the end.

        Raises:
            ResourceExhaustedError: reason CACHE_FULL, none of a message's new pictures could be kept: computing the
                others would be in vain.
        """
        started = time.perf_counter()
        try:
            while True:
                try:
                    yield from self._attempt()
                    break
                except UnavailableError as error:
                    self._rewind()
                    pause = self._backoff.pause_s(error)
                    yield Emit(self._tally.progress(waiting_for=error))
                    yield Pause(pause)
            yield Emit(self._tally.report(time.perf_counter() - started))
        finally:
            self._reader.close()

    def _attempt(self) -> Steps[ImportProgress | ImportReport]:
        if self._trunk is None:
            trunk: Trunk = yield Ask(picture_calls.trunk())
            self._views.check(trunk.limits)
            self._trunk = trunk
        is_open = False
        # The first message waits for its answer alone: a refusal of the whole call then arrives as what it is, and not
        # as a broken stream that further messages were being written to.
        window = 1
        while True:
            while len(self._in_flight) < window:
                request = yield from self._next_message()
                if request is None:
                    break
                if not is_open:
                    yield Open(trainer_calls.IMPORT_EXAMPLES)
                    is_open = True
                yield Send(request)
            yield Emit(self._tally.progress())
            if not self._in_flight:
                break
            response = yield Receive()
            if response is None:
                raise ended_early()
            self._acknowledge(response)
            window = WINDOW
        if is_open:
            yield Finish()
            while (response := (yield Receive())) is not None:
                yield Emit(self._tally.progress(placing=response.placing.done / max(1, response.placing.total)))

    def _next_message(self) -> Generator[Effect, Any, trainer_pb2.ImportExamplesRequest | None]:
        """Move pictures from `ready` into a message of `in_flight`; None when nothing can be sent now."""
        while True:
            picked = self._pick()
            if not picked:
                if self._exhausted or self._deferred_count >= MAX_DEFERRED:
                    return None
                yield from self._read_group()
                continue
            # From here on the pictures are in flight: whatever happens next, a rewind finds them.
            self._in_flight.append(picked)
            self._travelling.update(each.hashed.digest for each in picked if each.as_bytes)
            contents = yield Run(partial(import_messages.read_contents, picked, self._limit_bytes()))
            request = self._build(picked, contents)
            if request.items:
                return request
            self._in_flight.pop()

    def _pick(self) -> list[Outgoing]:
        assert self._trunk is not None  # noqa: S101 - asked for before the first message
        most = min(MAX_PICTURES, self._trunk.limits.max_images_per_request or MAX_PICTURES)
        full = fill_limit(self._trunk.limits)
        picked: list[Outgoing] = []
        fresh: set[bytes] = set()
        size = vectors = 0
        while self._ready and len(picked) < most:
            each = self._ready[0]
            digest = each.hashed.digest
            if each.as_bytes and (digest in self._travelling or digest in fresh):
                self._deferred.setdefault(digest, []).append(self._ready.popleft())
                self._deferred_count += 1
                continue
            if each.as_bytes and digest in self._stored:
                each = Outgoing(each.hashed, as_bytes=False)
            wanted = self._views.vectors if each.as_bytes else 0
            if picked and (size + each.size_bytes > full or vectors + wanted > MAX_PICTURES):
                break
            self._ready.popleft()
            picked.append(each)
            size += each.size_bytes
            vectors += wanted
            if each.as_bytes:
                fresh.add(digest)
        return picked

    def _read_group(self) -> Generator[Effect, Any, None]:
        if not self._group:
            # Kept until the cache has answered: the question may have to be asked again.
            self._group = yield Run(self._reader.next_group)
            self._exhausted = not self._group
        readable = [each for each in self._group if each.error is None]
        missing: set[bytes] = set()
        if readable:
            digests = list(dict.fromkeys(each.digest for each in readable))
            missing = set((yield Ask(picture_calls.find_missing(self._views, digests))))
        self._stored.clear()
        for each in self._group:
            if each.error is not None:
                self._tally.refuse(each, each.error)
        self._ready.extend(Outgoing(each, as_bytes=each.digest in missing) for each in readable)
        self._group = []

    def _limit_bytes(self) -> int:
        assert self._trunk is not None  # noqa: S101 - asked for before the first message
        return image_limit(self._trunk.limits)

    def _build(
        self, picked: list[Outgoing], contents: list[bytes | GraftError | None]
    ) -> trainer_pb2.ImportExamplesRequest:
        request = trainer_pb2.ImportExamplesRequest(
            dataset=self._dataset, views=self._views.count, view_seed=self._views.seed, tell_placing=True
        )
        sent: list[Outgoing] = []
        for each, content in zip(picked, contents, strict=True):
            if isinstance(content, GraftError):
                self._tally.refuse(each.hashed, content)
                self._arrived(each, stored=False)
                continue
            request.items.append(import_messages.item_of(each, content))
            sent.append(each)
        picked[:] = sent  # the message in flight holds what was sent, no more
        return request

    def _acknowledge(self, response: trainer_pb2.ImportExamplesResponse) -> None:
        message = self._in_flight[0]
        if len(response.results) != len(message):
            raise InternalError(f"the trainer answered {len(response.results)} of {len(message)} pictures of a message")
        self._in_flight.popleft()
        again: list[Outgoing] = []
        unkept: list[GraftError] = []
        for each, result in zip(message, response.results, strict=True):
            if result.WhichOneof("result") == "outcome":
                self._tally.accept(added=result.outcome == trainer_pb2.IMPORT_OUTCOME_ADDED, computed=result.computed)
                self._arrived(each, stored=True)
                continue
            error = statuses.from_status(result.error)
            if error.reason == "FEATURE_NOT_CACHED" and not each.as_bytes:
                # It left the cache after it was looked up. As bytes it can be refused, but not for this reason again.
                self._stored.discard(each.hashed.digest)
                again.append(Outgoing(each.hashed, as_bytes=True))
                continue
            if error.reason == "CACHE_FULL" and each.as_bytes:
                unkept.append(error)
            self._tally.refuse(each.hashed, error, result.digest)
            self._arrived(each, stored=False)
        if unkept and len(unkept) == sum(each.as_bytes for each in message):
            raise cache_full(unkept)
        self._ready.extendleft(reversed(again))
        self._backoff.progressed()

    def _arrived(self, each: Outgoing, *, stored: bool) -> None:
        """Release what waited for this picture: by digest if it is stored now, as bytes otherwise."""
        digest = each.hashed.digest
        if each.as_bytes:
            self._travelling.discard(digest)
        elif digest in self._travelling:
            return
        if stored:
            self._stored.add(digest)
        waiting = self._deferred.pop(digest, ())
        self._deferred_count -= len(waiting)
        self._ready.extend(Outgoing(other.hashed, as_bytes=not stored) for other in waiting)

    def _rewind(self) -> None:
        """Make everything that was not acknowledged ready again, in its order."""
        self._ready.extendleft(each for message in reversed(self._in_flight) for each in reversed(message))
        self._in_flight.clear()
        self._travelling.clear()
