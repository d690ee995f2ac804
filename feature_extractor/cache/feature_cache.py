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
from feature_extractor.cache.packing import is_vector, pack_vector, unpack_vectors
from feature_extractor.cache.recency import Recency
from feature_extractor.cache.records import FINGERPRINT_BYTES, Entry, Vector, is_sound, seal, unseal
from feature_extractor.cache.store import Store
from feature_extractor.cache.tables import DATABASES, PREVIEWS, VECTORS, Tables
from feature_extractor.cache.verification import Verification, VerifyProgress
from feature_extractor.tally import Tally
from graft.errors import GraftError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from graft.owner_lock import OwnerLock

_log = logging.getLogger(__name__)

DEFAULT_SIZE_LIMIT_BYTES = 64 << 30
# Values copied at once to be checked: a question may name a hundred thousand keys.
_CHECKED_AT_ONCE = 512
# LMDB needs room in its map beside the data: for its list of free pages, and for those that old readers hold.
_MAP_SHARE = 0.875


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
            self._recency = Recency(directory, fingerprint, clock=clock)
        except BaseException:
            self._store.close()
            raise
        self._limit_bytes = min(size_limit_bytes, int(_MAP_SHARE * self._store.map_bytes()))
        self._evictor = Evictor(
            self._tables, self._recency, limit_bytes=self._limit_bytes, evicted=partial(self._tally.add, "evicted")
        )

    def get(self, key: bytes) -> Vector | None:
        """The vector, or None."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        """A read-only float32[dimensions] or None for each key, in order; hits and misses are counted if `counted`."""
        stored_keys, values = self._values(keys)
        vectors = unpack_vectors(stored_keys, values, self._dimensions)
        self._used(keys, stored_keys, values, [vector is not None for vector in vectors])
        if counted:
            missing = sum(vector is None for vector in vectors)
            self._tally.add("hits", len(vectors) - missing)
            self._tally.add("misses", missing)
        return vectors

    def contains_many(self, keys: Sequence[bytes]) -> list[bool]:
        """For each key whether `get` would serve it: checksums are checked, hits and misses not counted."""
        chunks = (keys[start : start + _CHECKED_AT_ONCE] for start in range(0, len(keys), _CHECKED_AT_ONCE))
        return [there for chunk in chunks for there in self._are_there(chunk)]

    def get_previews(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The preview (JPEG) or None for each digest, in order."""
        values = self._tables.values(PREVIEWS, digests)
        previews = [
            None if value is None else unseal(digest, value) for digest, value in zip(digests, values, strict=True)
        ]
        self._drop(PREVIEWS, _found_bad(digests, values, [preview is not None for preview in previews]), is_sound)
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
            evicted = self._put_many(entries)
        except GraftError:
            self._tally.add("refused", len(entries))
            raise
        self._tally.add("evicted", evicted)
        self._recency.touch(keys)

    def verify(self) -> Generator[VerifyProgress, None, None]:
        """Read every vector and preview, drop and count as corrupt what is damaged, put wrong counts right.

        Each step is a short piece of work; other calls are served between and meanwhile.

        Raises:
            DataLossError: the file's structure is damaged (reason CACHE_DAMAGED).
        """
        corrupt = partial(self._tally.add, "corrupt")
        return Verification(self._tables, self._fingerprint, self._dimensions, corrupt).steps()

    def evict(self, request: EvictionRequest) -> Generator[EvictionProgress, None, None]:
        """Drop what meets the request, a step at a time, as `verify`; what was used since it began stays."""
        return self._evictor.steps(request)

    def stats(self) -> CacheStats:
        """Sizes and counters; costs some microseconds, whatever the number of entries."""
        with self._store.transaction() as transaction:
            counts = self._tables.counts(transaction)
            return CacheStats(
                entries=counts.get(self._fingerprint, 0),
                entries_total=self._tables.entries(transaction, VECTORS),
                fingerprints=tuple(
                    FingerprintUse(each, vectors, self._recency.newest(each)) for each, vectors in counts.items()
                ),
                previews=self._tables.entries(transaction, PREVIEWS),
                bytes_used=self._store.data_bytes(transaction),
                file_bytes=self._store.file_bytes(),
                size_limit_bytes=self._size_limit_bytes,
                map_bytes=self._store.map_bytes(),
                **self._tally.snapshot(),
            )

    def close(self) -> None:
        """Wait for what is under way, close the store and give up the directory; again does nothing."""
        self._store.close(before_release=self._recency.close)

    def _are_there(self, keys: Sequence[bytes]) -> list[bool]:
        stored_keys, values = self._values(keys)
        there = [
            value is not None and self._is_vector(key, value) for key, value in zip(stored_keys, values, strict=True)
        ]
        self._used(keys, stored_keys, values, there)
        return there

    def _is_vector(self, key: bytes, value: bytes) -> bool:
        return is_vector(key, value, self._dimensions)

    def _values(self, keys: Sequence[bytes]) -> tuple[list[bytes], list[bytes | None]]:
        stored_keys = [self._fingerprint + key for key in keys]
        return stored_keys, self._tables.values(VECTORS, stored_keys)

    def _used(
        self, keys: Sequence[bytes], stored_keys: Sequence[bytes], values: Sequence[bytes | None], there: Sequence[bool]
    ) -> None:
        """Remember that what is there was used, and drop what is damaged."""
        self._recency.touch([key for key, is_there in zip(keys, there, strict=True) if is_there])
        self._drop(VECTORS, _found_bad(stored_keys, values, there), self._is_vector)

    def _drop(self, name: str, bad: Sequence[bytes], is_good: Callable[[bytes, bytes], bool]) -> None:
        if not bad:
            return
        self._tally.add("corrupt", len(bad))
        try:
            with self._store.transaction(write=True) as transaction:
                self._tables.drop_bad(transaction, name, bad, is_good)
        except GraftError as error:
            _log.warning("%d corrupt values of the cache could not be dropped: %s", len(bad), error)
        else:
            _log.warning("dropped %d corrupt values of the cache's %s", len(bad), name)

    def _put_many(self, entries: Sequence[Entry]) -> int:
        if odd := [len(entry.vector) for entry in entries if len(entry.vector) != self._dimensions]:
            raise ValueError(f"vectors of this trunk have {self._dimensions} dimensions, not {odd[0]}")
        packed = {key: pack_vector(key, entry.vector) for entry in entries for key in [self._fingerprint + entry.key]}
        previews = {entry.digest: seal(entry.digest, entry.preview) for entry in entries if entry.preview}
        with self._evictor.transaction() as transaction:
            before = self._store.data_bytes(transaction)
            self._tables.put(transaction, packed, previews, self._is_vector)
            grown = self._store.data_bytes(transaction)
            allowed = max(before, self._limit_bytes)  # the limit may be lower than at the last start
            evicted = self._evictor.make_room(transaction, allowed, packed.keys())
            if (after := self._store.data_bytes(transaction)) > allowed:
                raise ResourceExhaustedError(
                    f"{len(entries)} vectors of {grown - before} bytes leave {after} in use and nothing to evict, "
                    f"past its size limit of {self._size_limit_bytes} bytes: raise it",
                    reason="CACHE_FULL",
                    metadata={"cause": "size_limit"},
                )
            return evicted


def _found_bad(keys: Sequence[bytes], values: Sequence[bytes | None], there: Sequence[bool]) -> list[bytes]:
    """The keys whose value is stored but is not there for anybody to use."""
    return [key for key, value, good in zip(keys, values, there, strict=True) if value is not None and not good]
