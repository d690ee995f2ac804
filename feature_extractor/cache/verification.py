"""Reads every value of the cache, drops what is damaged, and puts the counts right; one chunk after another.

A chunk is one short read transaction, because pages that a reader may look at cannot be used anew; what is bad in it is
looked at again and dropped in a short write transaction.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from feature_extractor.cache.packing import related_lengths, stored_lengths
from feature_extractor.cache.records import FINGERPRINT_BYTES, is_sound
from feature_extractor.cache.tables import PREVIEWS, VECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from feature_extractor.cache.mending import Mender
    from feature_extractor.cache.tables import Tables

_log = logging.getLogger(__name__)

_CHUNK = 256  # entries in a read transaction
_SAMPLE = 64  # vectors of another fingerprint that tell its length


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a verification is.

    Attributes:
        checked: entries read so far, vectors and previews.
        total: entries there were at the beginning; `checked` may pass it if some were added since.
        dropped: entries dropped so far.
    """

    checked: int
    total: int
    dropped: int


class Verification:
    """Checks the tables of one store; each is used once.

    Args:
        tables: the databases.
        fingerprint: the one served, 16 raw bytes.
        dimensions: of its vectors.
        mender: told what is bad, and what of it is dropped here.
    """

    def __init__(self, tables: Tables, fingerprint: bytes, dimensions: int, mender: Mender) -> None:
        self._tables = tables
        self._mender = mender
        self._lengths = {fingerprint: stored_lengths(dimensions)}
        self._counted: Counter[bytes] = Counter()
        self._dropped = 0

    def steps(self) -> Generator[VerifyProgress, None, None]:
        """Check all there is; closing the iterator early keeps what was dropped until then."""
        with self._tables.store.transaction() as transaction:
            began = transaction.id()
            total = sum(self._tables.entries(transaction, name) for name in (VECTORS, PREVIEWS))
        checked = 0
        for name, is_good in ((VECTORS, self._is_vector), (PREVIEWS, is_sound)):
            position: bytes | None = b"\0"
            while position is not None:
                read, position = self._check_chunk(name, position, is_good)
                checked += read
                yield VerifyProgress(checked, total, self._dropped)
            if name == VECTORS:
                self._repair_counts(began)  # before orphans are looked for, which goes by them
        yield VerifyProgress(checked, total, self._dropped)

    def _check_chunk(
        self, name: str, first: bytes, is_good: Callable[[bytes, bytes], bool]
    ) -> tuple[int, bytes | None]:
        """Check the entries from `first` on; how many there were, and where the next chunk begins if there is one."""
        with self._tables.store.transaction() as transaction:
            items = list(islice(self._tables.items_from(transaction, name, first), _CHUNK))
        bad = [key for key, value in items if not is_good(key, value)]
        if name == VECTORS:
            self._counted.update(key[:FINGERPRINT_BYTES] for key, _ in items)
        if bad:
            self._drop(name, bad, is_good)
        if name == PREVIEWS:
            self._drop_orphans([key for key, _ in items])
        return len(items), items[-1][0] + b"\0" if len(items) == _CHUNK else None

    def _is_vector(self, key: bytes, value: bytes) -> bool:
        fingerprint = key[:FINGERPRINT_BYTES]
        if fingerprint not in self._lengths:
            self._lengths[fingerprint] = self._usual_lengths(fingerprint)
        return len(value) in self._lengths[fingerprint] and is_sound(key, value)

    def _usual_lengths(self, fingerprint: bytes) -> frozenset[int]:
        """What most of the first sound vectors of another fingerprint allow; all vectors of one are equally long."""
        with self._tables.store.transaction() as transaction:
            items = self._tables.items_from(transaction, VECTORS, fingerprint)
            first = list(takewhile(lambda item: item[0].startswith(fingerprint), islice(items, _SAMPLE)))
        usual = Counter(len(value) for key, value in first if is_sound(key, value)).most_common(1)
        return related_lengths(usual[0][0]) if usual else frozenset()

    def _drop(self, name: str, keys: Sequence[bytes], is_good: Callable[[bytes, bytes], bool]) -> None:
        self._mender.note(name, keys)
        with self._tables.writing() as transaction:
            self._dropped += self._tables.drop_bad(transaction, name, keys, is_good)
        self._mender.forget(name, keys)

    def _drop_orphans(self, digests: Sequence[bytes]) -> None:
        """Delete previews without a vector: eviction, which goes by vectors, would never come to them."""
        with self._tables.store.transaction() as transaction:
            orphans = self._tables.without_vectors(transaction, digests)
        if orphans:
            with self._tables.writing() as transaction:
                self._tables.delete_orphans(transaction, orphans)

    def _repair_counts(self, began: int) -> None:
        """Count anew if the counts cannot be right; it stops writers for half a second for a million vectors."""
        with self._tables.writing() as transaction:
            stored = self._tables.counts(transaction)
            changed = transaction.id() != began + 1
            if sum(stored.values()) == self._tables.entries(transaction, VECTORS) and (
                changed or stored == self._counted
            ):
                return
            keys = self._tables.keys_from(transaction, VECTORS, b"\0")
            counted = Counter(key[:FINGERPRINT_BYTES] for key in keys)
            for fingerprint in stored.keys() | counted.keys():
                self._tables.set_count(transaction, fingerprint, counted[fingerprint])
        _log.warning("the counts of the cache's vectors were wrong and are put right: %s", dict(counted))
