"""Keeps vectors and previews on this host's disk, never serves a damaged value, and forgets the least recently used.

What is stored is described in tables.py, its bytes in packing.py and records.py; docs/cache.md tells why.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from feature_extractor.cache.cache_stats import CacheStats, FingerprintUse
from feature_extractor.cache.environment import DEFAULT_MAP_BYTES
from feature_extractor.cache.eviction import EvictionProgress, EvictionRequest, Evictor
from feature_extractor.cache.mapped_pages import MappedPages
from feature_extractor.cache.mending import Mender
from feature_extractor.cache.packing import is_vector, unpack_vectors
from feature_extractor.cache.putting import Putting
from feature_extractor.cache.recency import Recency
from feature_extractor.cache.records import FINGERPRINT_BYTES, Entry, Vector, is_sound, unseal
from feature_extractor.cache.repeating import Repeating
from feature_extractor.cache.store import Store
from feature_extractor.cache.tables import DATABASES, PREVIEWS, VECTORS, Tables
from feature_extractor.cache.verification import Verification, VerifyProgress
from feature_extractor.tally import Tally
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from graft.owner_lock import OwnerLock

_log = logging.getLogger(__name__)

DEFAULT_SIZE_LIMIT_BYTES = 64 << 30
# LMDB needs room in its map beside the data: for its list of free pages, and for those that old readers hold.
_MAP_SHARE = 0.875
_MAP_EVERY_S = 0.25


class FeatureCache:
    """The vectors of one trunk and the previews of all pictures; every method may be called from any thread.

    A key is a picture's digest, 32 bytes, or that and 8 bytes more for an extra view of it.

    Args:
        directory: made if it is not there.
        fingerprint: 16 raw bytes; vectors of another fingerprint are not served, only checked and evicted.
        dimensions: length of every vector of this fingerprint.
        size_limit_bytes: bound of the pages that hold data; at it the least recently used make room.
        map_bytes: address space to ask for; less is taken, with a warning, where the system refuses it.
        owned: ownership of the directory, from `store.own`, to be given up on `close`; None takes it.
        clock: seconds since 1970 UTC.

    Raises:
        FailedPreconditionError: another process owns the directory (reason CACHE_IN_USE, naming its pid), or it
            cannot be opened (CACHE_MAP_REFUSED, CACHE_UNREADABLE, CACHE_DAMAGED).
    """

    def __init__(
        self,
        directory: Path,
        *,
        fingerprint: bytes,
        dimensions: int,
        size_limit_bytes: int = DEFAULT_SIZE_LIMIT_BYTES,
        map_bytes: int = DEFAULT_MAP_BYTES,
        owned: OwnerLock | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if len(fingerprint) != FINGERPRINT_BYTES:
            raise ValueError(f"a fingerprint has {FINGERPRINT_BYTES} bytes, not {len(fingerprint)}")
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._size_limit_bytes = size_limit_bytes
        self._tally = Tally("hits", "misses", "corrupt", "refused", "evicted")
        self._store = Store(
            directory, databases=DATABASES, map_bytes=map_bytes, size_limit_bytes=size_limit_bytes, owned=owned
        )
        self._tables = Tables(self._store)
        try:
            with self._store.transaction() as transaction:
                left = self._tables.counts(transaction)
            self._recency = Recency(directory, fingerprint, clock=clock)
            self._recency.sweep(left)
        except BaseException:
            self._store.close()
            raise
        limit_bytes = min(size_limit_bytes, int(_MAP_SHARE * self._store.map_bytes()))
        self._evictor = Evictor(
            self._tables, self._recency, limit_bytes=limit_bytes, evicted=partial(self._tally.add, "evicted")
        )
        self._putting = Putting(
            self._tables, self._evictor, fingerprint=fingerprint, dimensions=dimensions, limit_bytes=limit_bytes
        )
        self._mender = Mender(
            self._tables, {VECTORS: self._is_vector, PREVIEWS: is_sound}, found=partial(self._tally.add, "corrupt")
        )
        mapped = MappedPages(self._store.path)
        self._mapper = Repeating(mapped.advance, every_s=_MAP_EVERY_S, name="cache-mapper", at_once=True)

    def get_many(self, keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        """A read-only float32[dimensions] or None for each key, in order; hits and misses are counted if `counted`."""
        stored_keys = [self._fingerprint + key for key in keys]
        values = self._tables.values(VECTORS, stored_keys)
        vectors = unpack_vectors(stored_keys, values, self._dimensions)
        there = [vector is not None for vector in vectors]
        self._recency.touch([key for key, is_there in zip(keys, there, strict=True) if is_there])
        self._note_damage(VECTORS, stored_keys, values, there)
        if counted:
            missing = sum(vector is None for vector in vectors)
            self._tally.add("hits", len(vectors) - missing)
            self._tally.add("misses", missing)
        return vectors

    def contains_many(self, keys: Sequence[bytes]) -> list[bool]:
        """For each key whether a vector is stored under it that is not known to be damaged; no value is read.

        A damaged one that nobody has read yet passes, until `get_many` meets it. Hits and misses are not counted.
        """
        stored_keys = [self._fingerprint + key for key in keys]
        there = self._tables.are_stored(stored_keys)
        if damaged := self._mender.damaged(VECTORS):
            there = [stored and key not in damaged for key, stored in zip(stored_keys, there, strict=True)]
        self._recency.touch([key for key, is_there in zip(keys, there, strict=True) if is_there])
        return there

    def get_previews(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The preview (JPEG) or None for each digest, in order."""
        values = self._tables.values(PREVIEWS, digests)
        previews = [
            None if value is None else unseal(digest, value) for digest, value in zip(digests, values, strict=True)
        ]
        self._note_damage(PREVIEWS, digests, values, [preview is not None for preview in previews])
        return previews

    def put_many(self, entries: Sequence[Entry]) -> None:
        """Write all of these or none, in one transaction, synced to disk at return.

        A sound vector that is there already stays: a picture's vector never changes under one fingerprint. At the size
        limit the least recently used give way.

        Raises:
            ResourceExhaustedError: the size limit is too small for these entries, or the disk is full (CACHE_FULL).
            DataLossError, UnavailableError: see `environment.refusal`.
        """
        keys = [entry.key for entry in entries]
        # Touched before, so that an eviction right after the commit spares the slots, which these may share with older
        # vectors; and after, because one right before the commit may have emptied them.
        self._recency.touch(keys)
        try:
            self._putting.put(entries)
        except GraftError:
            self._tally.add("refused", len(entries))
            raise
        self._recency.touch(keys)
        self._mender.forget(VECTORS, [self._fingerprint + key for key in keys])
        self._mender.forget(PREVIEWS, [entry.digest for entry in entries if entry.preview])

    def drop_damaged(self) -> None:
        """Drop what readers found damaged; a thread does so every few seconds, and `close`."""
        self._mender.drop()

    def verify(self) -> Generator[VerifyProgress, None, None]:
        """Read every vector and preview, drop and count as corrupt what is damaged, put wrong counts right.

        Each step is a short piece of work; other calls are served between and meanwhile.

        Raises:
            DataLossError: the file's structure is damaged (reason CACHE_DAMAGED).
        """
        return Verification(self._tables, self._fingerprint, self._dimensions, self._mender).steps()

    def evict(self, request: EvictionRequest) -> Generator[EvictionProgress, None, None]:
        """Drop what meets the request, a step at a time, as `verify`; what was used since it began stays."""
        return self._evictor.steps(request)

    def stats(self) -> CacheStats:
        """Sizes and counters; costs some microseconds, whatever the number of entries."""
        with self._store.transaction() as transaction:
            counts = self._tables.counts(transaction)
            entries_total, previews = (self._tables.entries(transaction, name) for name in (VECTORS, PREVIEWS))
            bytes_used = self._store.data_bytes(transaction)
        # Outside the transaction: of a fingerprint not asked for before a file of 4 MiB is read.
        newest = {fingerprint: self._recency.newest(fingerprint) for fingerprint in counts}
        return CacheStats(
            entries=counts.get(self._fingerprint, 0),
            entries_total=entries_total,
            fingerprints=tuple(FingerprintUse(each, vectors, newest[each]) for each, vectors in counts.items()),
            previews=previews,
            bytes_used=bytes_used,
            file_bytes=self._store.file_bytes(),
            size_limit_bytes=self._size_limit_bytes,
            map_bytes=self._store.map_bytes(),
            **self._tally.snapshot(),
        )

    def close(self) -> None:
        """Wait for what is under way, close the store and give up the directory; again does nothing."""
        self._mender.close()
        self._mapper.stop()
        self._store.close(before_release=self._recency.close)

    def _is_vector(self, key: bytes, value: bytes) -> bool:
        return is_vector(key, value, self._dimensions)

    def _note_damage(
        self, name: str, keys: Sequence[bytes], values: Sequence[bytes | None], there: Sequence[bool]
    ) -> None:
        """Note the keys whose value is stored but is not there for anybody to use."""
        found = zip(keys, values, there, strict=True)
        if bad := [key for key, value, good in found if value is not None and not good]:
            self._mender.note(name, bad)
