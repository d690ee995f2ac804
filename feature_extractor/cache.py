"""Keeps vectors and previews on this host's disk, and never serves a value whose checksum fails.

vectors   fingerprint(16) + digest(32) -> float32[dimensions] little-endian + CRC-32C
previews  digest(32)                   -> JPEG + CRC-32C
counts    fingerprint(16)              -> how many vectors it has, 8 bytes little-endian
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import lmdb

from feature_extractor.environment import DEFAULT_MAP_BYTES, refusal
from feature_extractor.records import FINGERPRINT_BYTES, Entry, Vector, pack_vector, seal, unpack_vector, unseal
from feature_extractor.store import Store
from feature_extractor.tally import Tally
from graft.errors import GraftError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

DEFAULT_SIZE_LIMIT_BYTES = 64 << 30
_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The cache at one moment; hits, misses, corrupt and refused count since the start.

    Attributes:
        entries: vectors of this cache's fingerprint.
        entries_total: vectors of all fingerprints.
        entries_by_fingerprint: vectors of each fingerprint (16 raw bytes).
        previews: previews kept.
        bytes_used: bytes of the pages that hold data; this is what the size limit bounds.
        file_bytes: bytes of the file, pages free for reuse included.
        size_limit_bytes: a write that would grow bytes_used past this is refused.
        map_bytes: address space reserved; costs neither memory nor disk.
        hits: vectors served.
        misses: vectors asked for that were not there or were corrupt.
        corrupt: values found with a wrong checksum or length.
        refused: entries that could not be written.
    """

    entries: int
    entries_total: int
    entries_by_fingerprint: dict[bytes, int]
    previews: int
    bytes_used: int
    file_bytes: int
    size_limit_bytes: int
    map_bytes: int
    hits: int
    misses: int
    corrupt: int
    refused: int


class FeatureCache:
    """The vectors of one trunk and the previews of all pictures; every method may be called from any thread.

    Args:
        directory: made if it is not there.
        fingerprint: 16 raw bytes; vectors of another fingerprint are neither served nor changed.
        dimensions: length of every vector of this fingerprint.
        size_limit_bytes: bound of the pages that hold data.
        map_bytes: address space to ask for; less is taken, with a warning, where the system refuses it.

    Raises:
        FailedPreconditionError: another process owns the directory (reason CACHE_IN_USE, naming its pid), or it
            cannot be opened (CACHE_MAP_REFUSED, CACHE_UNREADABLE).
    """

    def __init__(
        self,
        directory: Path,
        *,
        fingerprint: bytes,
        dimensions: int,
        size_limit_bytes: int = DEFAULT_SIZE_LIMIT_BYTES,
        map_bytes: int = DEFAULT_MAP_BYTES,
    ) -> None:
        if len(fingerprint) != FINGERPRINT_BYTES:
            raise ValueError(f"a fingerprint has {FINGERPRINT_BYTES} bytes, not {len(fingerprint)}")
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._size_limit_bytes = size_limit_bytes
        self._tally = Tally("hits", "misses", "corrupt", "refused")
        self._store = Store(
            directory,
            databases=("vectors", "previews", "counts"),
            map_bytes=map_bytes,
            size_limit_bytes=size_limit_bytes,
        )

    def get(self, digest: bytes) -> Vector | None:
        """The picture's vector, or None."""
        return self.get_many([digest])[0]

    def get_many(self, digests: Sequence[bytes]) -> list[Vector | None]:
        """A read-only float32[dimensions] or None for each digest, in order, out of one snapshot of the store."""
        vectors = self._read_vectors(digests)
        missing = sum(vector is None for vector in vectors)
        self._tally.add("hits", len(vectors) - missing)
        self._tally.add("misses", missing)
        return vectors

    def contains_many(self, digests: Sequence[bytes]) -> list[bool]:
        """For each digest whether `get` would serve it: checksums are checked, hits and misses not counted."""
        return [vector is not None for vector in self._read_vectors(digests)]

    def get_previews(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The preview (JPEG) or None for each digest, in order, out of one snapshot of the store."""
        return self._read("previews", digests, unseal)

    def put_many(self, entries: Sequence[Entry]) -> None:
        """Write all of these or none, in one transaction, synced to disk at return.

        A sound vector that is there already stays: a picture's vector never changes under one fingerprint.

        Raises:
            ResourceExhaustedError: the size limit is reached or the disk is full (reason CACHE_FULL).
            DataLossError, UnavailableError: see `environment.refusal`.
        """
        try:
            self._put_many(entries)
        except GraftError:
            self._tally.add("refused", len(entries))
            raise
        except lmdb.Error as error:
            self._tally.add("refused", len(entries))
            raise refusal(error, self._store.directory) from error

    def stats(self) -> CacheStats:
        """Sizes and counters; costs a few microseconds, whatever the number of entries."""
        databases = self._store.databases
        with self._store.transaction() as transaction:
            counts = {
                bytes(key): int.from_bytes(value, "little") for key, value in transaction.cursor(databases["counts"])
            }
            return CacheStats(
                entries=counts.get(self._fingerprint, 0),
                entries_total=transaction.stat(databases["vectors"])["entries"],
                entries_by_fingerprint=counts,
                previews=transaction.stat(databases["previews"])["entries"],
                bytes_used=self._store.data_bytes(transaction),
                file_bytes=self._store.file_bytes(),
                size_limit_bytes=self._size_limit_bytes,
                map_bytes=self._store.map_bytes(),
                **self._tally.snapshot(),
            )

    def close(self) -> None:
        """Wait for what is under way, close the store and give up the directory; again does nothing."""
        self._store.close()

    def _unpack(self, key: bytes, value: bytes) -> Vector | None:
        return unpack_vector(key, value, self._dimensions)

    def _read_vectors(self, digests: Sequence[bytes]) -> list[Vector | None]:
        return self._read("vectors", [self._fingerprint + digest for digest in digests], self._unpack)

    def _read(self, name: str, keys: Sequence[bytes], unpack: Callable[[bytes, bytes], _T | None]) -> list[_T | None]:
        database = self._store.databases[name]
        with self._store.transaction() as transaction:
            # get copies the value: nothing of the map is looked at after the transaction.
            values = [_value(transaction, database, key) for key in keys]
        found = [None if value is None else unpack(key, value) for key, value in zip(keys, values, strict=True)]
        if corrupt := [
            key for key, value, item in zip(keys, values, found, strict=True) if value is not None and item is None
        ]:
            self._tally.add("corrupt", len(corrupt))
            self._drop(name, corrupt, unpack)
        return found

    def _drop(self, name: str, keys: Sequence[bytes], unpack: Callable[[bytes, bytes], object]) -> None:
        """Delete those of these values that are corrupt still: one of them may have been written anew meanwhile."""
        database = self._store.databases[name]
        try:
            with self._store.transaction(write=True) as transaction:
                for key in set(keys):
                    value = transaction.get(key, db=database)
                    if value is not None and unpack(key, value) is None:
                        transaction.delete(key, db=database)
                        if name == "vectors":
                            self._add_to_count(transaction, key[:FINGERPRINT_BYTES], -1)
        except (lmdb.Error, GraftError) as error:
            _log.warning("%d corrupt values of the cache could not be dropped: %s", len(keys), error)
        else:
            _log.warning("dropped %d corrupt values of the cache's %s", len(keys), name)

    def _put_many(self, entries: Sequence[Entry]) -> None:
        packed = [(key := self._fingerprint + entry.digest, pack_vector(key, entry.vector), entry) for entry in entries]
        if odd := [len(entry.vector) for entry in entries if len(entry.vector) != self._dimensions]:
            raise ValueError(f"vectors of this trunk have {self._dimensions} dimensions, not {odd[0]}")
        databases = self._store.databases
        with self._store.transaction(write=True) as transaction:
            before = self._store.data_bytes(transaction)
            added = 0
            for key, value, entry in packed:
                present = transaction.get(key, db=databases["vectors"])
                if present is None or self._unpack(key, present) is None:
                    transaction.put(key, value, db=databases["vectors"])
                    added += present is None
                if entry.preview:
                    transaction.put(entry.digest, seal(entry.digest, entry.preview), db=databases["previews"])
            self._add_to_count(transaction, self._fingerprint, added)
            after = self._store.data_bytes(transaction)
            if after > max(before, self._size_limit_bytes):
                raise ResourceExhaustedError(
                    f"the cache holds {before} of at most {self._size_limit_bytes} bytes and cannot take "
                    f"{after - before} more: raise its size limit or evict",
                    reason="CACHE_FULL",
                    metadata={"cause": "size_limit"},
                )

    def _add_to_count(self, transaction: lmdb.Transaction[bytes], fingerprint: bytes, added: int) -> None:
        database = self._store.databases["counts"]
        stored = transaction.get(fingerprint, db=database)
        count = (0 if stored is None else int.from_bytes(stored, "little")) + added
        transaction.put(fingerprint, max(count, 0).to_bytes(_COUNT_BYTES, "little"), db=database)


def _value(transaction: lmdb.Transaction[bytes], database: lmdb._Database, key: bytes) -> bytes | None:
    """A copy of the stored value; one that sits on a damaged page reads as empty, which no checksum accepts."""
    try:
        return transaction.get(key, db=database)
    except (lmdb.CorruptedError, lmdb.PageNotFoundError):
        return b""
