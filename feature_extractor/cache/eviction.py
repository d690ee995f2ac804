"""Drops vectors, the least recently used first: to make room for what is being written, or because somebody asked.

Each step is one short write transaction, so that neither readers nor the writer of new vectors are held up long.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.cache.tables import Removed
from feature_extractor.cache.victims import ANY_TIME, Victim, Victims

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from feature_extractor.cache.recency import Recency
    from feature_extractor.cache.tables import Tables, Transaction

_LOW_WATER = 0.98  # of the limit
_STEP = 512  # vectors deleted in a step, or slots looked at without finding any: some ten milliseconds


@dataclass(frozen=True, slots=True)
class EvictionRequest:
    """What to drop; an entry must meet all that is given.

    Attributes:
        fingerprint: only vectors of this one, 16 raw bytes; None is all.
        unused_for_s: only what was last used at least this many seconds ago, or at an unknown time; None is all.
        to_bytes: only as many as it takes to bring the bytes used down to this; None is all.
    """

    fingerprint: bytes | None = None
    unused_for_s: float | None = None
    to_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class EvictionProgress:
    """How far an eviction is.

    Attributes:
        vectors: dropped so far.
        previews: dropped so far.
        bytes_used: bytes of the pages that hold data now.
    """

    vectors: int
    previews: int
    bytes_used: int


class Evictor:
    """Evicts from the tables of one store.

    Args:
        tables: the databases.
        recency: what was used when.
        limit_bytes: past it `make_room` evicts.
        evicted: told how many vectors each committed transaction dropped.
    """

    def __init__(self, tables: Tables, recency: Recency, *, limit_bytes: int, evicted: Callable[[int], None]) -> None:
        self._tables = tables
        self._recency = recency
        self._limit_bytes = limit_bytes
        self._evicted = evicted
        self._victims = Victims(tables, recency)
        # Invariant: touched only inside a write transaction, of which LMDB has one at a time.
        self._next: deque[Victim] = deque()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A write transaction in which `make_room` may be called."""
        return self._victims.transaction()

    def make_room(self, transaction: Transaction, allowed_bytes: int, keep: AbstractSet[bytes]) -> int:
        """If more bytes are used than the limit, evict until they are a little below it.

        What is evicted ahead spares the next writes the trouble; it is as much as one step takes.

        Args:
            transaction: in which the new vectors were put.
            allowed_bytes: what may be used at the end, the limit or more, however many steps it takes; more is used
                still if there is nothing left to evict.
            keep: keys, with their fingerprint, that are being written.

        Returns:
            How many vectors were dropped.
        """
        vectors = 0
        used = self._tables.store.data_bytes(transaction)
        if used <= self._limit_bytes:
            return vectors
        low_bytes = int(_LOW_WATER * self._limit_bytes)
        while used > (low_bytes if vectors < _STEP else allowed_bytes) and self._find_next(transaction):
            vectors += self._victims.remove(transaction, self._next.popleft(), keep).vectors
            used = self._tables.store.data_bytes(transaction)
        return vectors

    def drop_oldest(self, vectors: int, keep: AbstractSet[bytes]) -> int:
        """Drop about so many vectors, at most a step of them, in a transaction of its own; how many they were.

        Args:
            vectors: how many.
            keep: as for `make_room`.
        """
        dropped = 0
        with self._victims.transaction() as transaction:
            while dropped < min(vectors, _STEP) and self._find_next(transaction):
                dropped += self._victims.remove(transaction, self._next.popleft(), keep).vectors
        self.committed(dropped)
        return dropped

    def committed(self, vectors: int) -> None:
        """A transaction that dropped so many is on disk: count them, and forget fingerprints that have none left."""
        if vectors:
            self._evicted(vectors)
            self._forget(self._recency.loaded())

    def steps(self, request: EvictionRequest) -> Generator[EvictionProgress, None, None]:
        """Do what is asked, a step at a time; what was dropped stays dropped when the iterator is closed early."""
        # What is used from now on stays, so that an eviction ends however fast others write.
        before_s = max(int(self._recency.now_s() - (request.unused_for_s or 0)) + 1, 0)
        with self._tables.store.transaction() as transaction:
            known = list(self._tables.counts(transaction))
        fingerprints = [each for each in known if request.fingerprint in {None, each}]
        yield from self._surveys(fingerprints)
        queue: deque[Victim] = deque()
        vectors = previews = 0
        more = True
        while more:
            with self._victims.transaction() as transaction:
                queue = queue or deque(self._victims.pick(fingerprints, before_s))
                removed = self._step(transaction, queue, request.to_bytes)
                used = self._tables.store.data_bytes(transaction)
            self.committed(removed.vectors)
            vectors, previews = vectors + removed.vectors, previews + removed.previews
            yield EvictionProgress(vectors, previews, used)
            more = bool(queue or self._victims.pick(fingerprints, before_s)) and used > (request.to_bytes or 0)
        self._forget(fingerprints)

    def _surveys(self, fingerprints: Sequence[bytes]) -> Generator[EvictionProgress, None, None]:
        """Complete the tables, a step at a time."""
        for fingerprint in fingerprints:
            complete = False
            while not complete:
                with self._victims.transaction() as transaction:
                    complete = self._victims.survey(transaction, fingerprint)
                    used = self._tables.store.data_bytes(transaction)
                yield EvictionProgress(0, 0, used)

    def _step(self, transaction: Transaction, queue: deque[Victim], to_bytes: int | None) -> Removed:
        """Remove from the queue until a step is done or the goal reached."""
        vectors = previews = looked_at = 0
        while queue and vectors < _STEP and looked_at < _STEP:
            if to_bytes is not None and self._tables.store.data_bytes(transaction) <= to_bytes:
                break
            removed = self._victims.remove(transaction, queue.popleft())
            vectors, previews = vectors + removed.vectors, previews + removed.previews
            looked_at += 1
        return Removed(vectors, previews)

    def _find_next(self, transaction: Transaction) -> bool:
        """Whether there is anything to evict; it is the first of `_next`."""
        if not self._next:
            self._next.extend(self._pick_from_all(transaction))
        return bool(self._next)

    def _pick_from_all(self, transaction: Transaction) -> list[Victim]:
        """The oldest of all fingerprints; a table that is not complete is surveyed until it has some."""
        fingerprints = list(self._tables.counts(transaction))
        complete = False
        picked: list[Victim] = []
        while not (picked or complete):
            surveyed = [self._victims.survey(transaction, each) for each in fingerprints]
            complete = all(surveyed)
            picked = self._victims.pick(fingerprints, ANY_TIME)
        return picked

    def _forget(self, fingerprints: Sequence[bytes]) -> None:
        """Delete the tables of those that have nothing left."""
        if not fingerprints:
            return
        with self._tables.store.transaction() as transaction:
            left = self._tables.counts(transaction)
        for fingerprint in fingerprints:
            if fingerprint not in left:
                self._recency.forget(fingerprint)
