"""Writes a group of entries in one transaction and makes room for it: under the size limit, and in LMDB's map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lmdb

from feature_extractor.cache.packing import is_vector, pack_vector
from feature_extractor.cache.records import seal
from graft.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from feature_extractor.cache.eviction import Evictor
    from feature_extractor.cache.records import Entry
    from feature_extractor.cache.tables import Tables

# How often vectors are dropped for a group that finds the map full. What a transaction frees LMDB uses again only in
# the second one after it, so one would never do; and while an old reader holds the freed pages none helps.
_EVICTIONS = 3


class Putting:
    """Puts vectors of one fingerprint.

    Args:
        tables: the databases.
        evictor: makes the room.
        fingerprint: 16 raw bytes.
        dimensions: length of every vector.
        limit_bytes: bound of the pages that hold data.
    """

    def __init__(
        self, tables: Tables, evictor: Evictor, *, fingerprint: bytes, dimensions: int, limit_bytes: int
    ) -> None:
        self._tables = tables
        self._evictor = evictor
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._limit_bytes = limit_bytes

    def put(self, entries: Sequence[Entry]) -> None:
        """Write all of these or none, synced to disk at return.

        Raises:
            ValueError: a vector is not as long as those of this trunk.
            ResourceExhaustedError: the size limit is too small for these entries, the disk is full, or the map is
                and stays so (CACHE_FULL).
            DataLossError, UnavailableError: see `environment.refusal`.
        """
        if odd := [len(entry.vector) for entry in entries if len(entry.vector) != self._dimensions]:
            raise ValueError(f"vectors of this trunk have {self._dimensions} dimensions, not {odd[0]}")
        packed = {key: pack_vector(key, entry.vector) for entry in entries for key in [self._fingerprint + entry.key]}
        previews = {entry.digest: seal(entry.digest, entry.preview) for entry in entries if entry.preview}
        evictions = 0
        while True:
            try:
                self._put(packed, previews)
            except ResourceExhaustedError as error:
                size = sum(map(len, packed.values())) + sum(map(len, previews.values()))
                if not isinstance(error.__cause__, lmdb.MapFullError) or evictions == _EVICTIONS:
                    raise
                if not evictions and not self._may_help(size):
                    raise
                if not self._evictor.drop_oldest(len(packed), packed.keys()):
                    raise
                evictions += 1
            else:
                return

    def _may_help(self, size: int) -> bool:
        """Whether evicting may make room in the map for so many bytes.

        Not for more than there can ever be; nor where the data leaves room already, which readers keep from being used.
        """
        with self._tables.store.transaction() as transaction:
            used = self._tables.store.data_bytes(transaction)
        return size <= self._limit_bytes < used + 2 * size

    def _put(self, packed: Mapping[bytes, bytes], previews: Mapping[bytes, bytes]) -> None:
        """One attempt; LMDB's map being full is the error's cause."""
        store = self._tables.store
        with self._evictor.transaction() as transaction:
            before = store.data_bytes(transaction)
            self._tables.put(transaction, packed, previews, self._is_vector)
            grown = store.data_bytes(transaction)
            allowed = max(before, self._limit_bytes)  # the limit may be lower than at the last start
            evicted = self._evictor.make_room(transaction, allowed, packed.keys())
            if (after := store.data_bytes(transaction)) > allowed:
                raise ResourceExhaustedError(
                    f"{len(packed)} vectors of {grown - before} bytes leave {after} in use and nothing to evict, "
                    f"past its size limit of {self._limit_bytes} bytes: raise it",
                    reason="CACHE_FULL",
                    metadata={"cause": "size_limit"},
                )
        self._evictor.committed(evicted)

    def _is_vector(self, key: bytes, value: bytes) -> bool:
        return is_vector(key, value, self._dimensions)
