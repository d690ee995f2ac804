"""Which vectors go first, and their going: the oldest slots of the tables of last use, all keys of a slot together.

pick      the oldest slots, a few thousand at a time
remove    all keys of a slot, unless it was used since it was picked
survey    after a kill or without a file: go through the keys once, to learn which slots hold anything
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from feature_extractor.cache.last_use import heads_of, slots_of
from feature_extractor.cache.records import FINGERPRINT_BYTES
from feature_extractor.cache.tables import VECTORS, Removed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from feature_extractor.cache.recency import Recency
    from feature_extractor.cache.tables import Tables, Transaction

ANY_TIME = int(np.iinfo(np.uint32).max)
"""A time, in seconds since 1970, that all uses come before."""

_PICKED = 4096  # slots in a pick: finding them costs some ten milliseconds, so it must not be done often
_SURVEYED = 16_384  # keys gone through in a step of the survey, also some ten milliseconds


class Victim(NamedTuple):
    """A slot of a fingerprint, and when it was last used, in seconds since 1970."""

    fingerprint: bytes
    slot: int
    seconds: int


class Victims:
    """Finds and removes what is to be evicted.

    Args:
        tables: the databases.
        recency: what was used when.
    """

    def __init__(self, tables: Tables, recency: Recency) -> None:
        self._tables = tables
        self._recency = recency
        # Invariant: both are touched only inside a write transaction, of which LMDB has one at a time.
        self._surveyed_to: dict[bytes, bytes] = {}
        self._emptied: list[Victim] = []

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A write transaction to remove in; if it fails, what was removed in it is as old as before."""
        emptied: list[Victim] = []
        try:
            with self._tables.writing() as transaction:
                self._emptied = emptied
                yield transaction
        except BaseException:
            for victim in emptied:
                self._recency.table(victim.fingerprint).restore(victim.slot, victim.seconds)
            raise

    def survey(self, transaction: Transaction, fingerprint: bytes) -> bool:
        """One step towards a complete table; whether it is complete now."""
        table = self._recency.table(fingerprint)
        if table.complete:
            return True
        first = self._surveyed_to.get(fingerprint, fingerprint)
        keys = [
            key[FINGERPRINT_BYTES:]
            for key in takewhile(
                lambda key: key.startswith(fingerprint),
                islice(self._tables.keys_from(transaction, VECTORS, first), _SURVEYED),
            )
        ]
        table.mark_unknown(slots_of(keys))
        table.complete = len(keys) < _SURVEYED
        if not table.complete:
            self._surveyed_to[fingerprint] = fingerprint + keys[-1]
        return table.complete

    def pick(self, fingerprints: Iterable[bytes], before_s: int) -> list[Victim]:
        """The slots that were used longest ago, the oldest first, out of those last used before `before_s`."""
        picked = [
            Victim(fingerprint, slot, seconds)
            for fingerprint in fingerprints
            for slot, seconds in zip(
                *(column.tolist() for column in self._recency.table(fingerprint).oldest(_PICKED, before_s)), strict=True
            )
        ]
        return sorted(picked, key=lambda victim: victim.seconds)[:_PICKED]

    def remove(self, transaction: Transaction, victim: Victim, keep: AbstractSet[bytes] = frozenset()) -> Removed:
        """Delete the vectors of a slot, with previews that none is left for, unless it was used since it was picked.

        Args:
            transaction: of `transaction`.
            victim: from `pick`.
            keep: keys, with their fingerprint, that must stay.
        """
        table = self._recency.table(victim.fingerprint)
        if not table.is_as_old(victim.slot, victim.seconds):
            return Removed(0, 0)
        first, last = (victim.fingerprint + head for head in heads_of(victim.slot))
        keys = takewhile(lambda key: key[: len(last)] <= last, self._tables.keys_from(transaction, VECTORS, first))
        removed = self._tables.delete_vectors(transaction, [key for key in keys if key not in keep])
        table.empty(victim.slot)
        self._emptied.append(victim)
        return removed
