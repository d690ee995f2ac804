"""What one transaction does to the cache's databases, so that vectors, previews and counts always agree.

vectors   fingerprint(16) + key(32 or 40)  -> the vector, see packing.py, and its CRC-32C
previews  digest(32)                       -> JPEG + CRC-32C
counts    fingerprint(16)                  -> how many vectors it has, 8 bytes little-endian
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import lmdb
import numpy as np

from feature_extractor.cache.known_keys import KnownKeys
from feature_extractor.cache.records import DIGEST_BYTES, FINGERPRINT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from feature_extractor.cache.store import Store

    Transaction = lmdb.Transaction[bytes]

VECTORS, PREVIEWS, COUNTS = "vectors", "previews", "counts"
DATABASES = (VECTORS, PREVIEWS, COUNTS)
_COUNT_BYTES = 8


class Removed(NamedTuple):
    """How many vectors and previews were deleted."""

    vectors: int
    previews: int


class Tables:
    """The databases of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known = KnownKeys()
        # Invariant: what the write transaction under way deleted; LMDB has one at a time.
        self._deleted: list[bytes] = []

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """The one write transaction, see `Store.transaction`, in which alone vectors may be deleted."""
        deleted: list[bytes] = []
        try:
            with self.store.transaction(write=True) as transaction:
                self._deleted = deleted
                yield transaction
        finally:
            if deleted:
                self._known.discard(deleted)

    def values(self, name: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """A copy of each stored value or None, in order; a value on a damaged page reads as empty.

        All are of one snapshot, unless there is a damaged page among them: LMDB ends the transaction that meets one.
        """
        database = self.store.databases[name]
        values: list[bytes | None] = []
        while len(values) < len(keys):
            with self.store.transaction() as transaction:
                try:
                    # get copies the value: nothing of the map is looked at after the transaction.
                    for key in islice(keys, len(values), None):
                        values.append(transaction.get(key, db=database))  # noqa: PERF401  # keeps what came before an error
                except (lmdb.CorruptedError, lmdb.PageNotFoundError):
                    values.append(b"")
        return values

    def are_stored(self, keys: Sequence[bytes]) -> list[bool]:
        """Whether there is a vector under each key, in order, the values unread; not on a damaged page.

        Of the file only pages of the tree and LMDB's headers before values are read, and those only for keys that were
        not found lately.
        """
        self.store.check_open()
        known, found_after = self._known.find(keys)
        if known.all():
            return [True] * len(keys)
        stored: list[bool] = known.tolist()
        others = np.flatnonzero(~known).tolist()
        found = self._have_values([keys[index] for index in others])
        for index, there in zip(others, found, strict=True):
            stored[index] = there
        self._known.add([keys[index] for index in others if stored[index]], found_after)
        return stored

    def _have_values(self, keys: Sequence[bytes]) -> list[bool]:
        database = self.store.databases[VECTORS]
        stored: list[bool] = []
        while len(stored) < len(keys):
            with self.store.transaction() as transaction:
                find = transaction.cursor(database).set_key
                try:
                    for key in islice(keys, len(stored), None):
                        stored.append(find(key))  # noqa: PERF401  # as above
                except (lmdb.CorruptedError, lmdb.PageNotFoundError):
                    stored.append(False)
        return stored

    def counts(self, transaction: Transaction) -> dict[bytes, int]:
        """How many vectors each fingerprint has, those with none left out."""
        rows = transaction.cursor(self.store.databases[COUNTS])
        return {bytes(key): count for key, value in rows if (count := int.from_bytes(value, "little"))}

    def add_to_count(self, transaction: Transaction, fingerprint: bytes, added: int) -> None:
        """Count vectors that were put or, below 0, deleted."""
        stored = transaction.get(fingerprint, db=self.store.databases[COUNTS])
        self.set_count(transaction, fingerprint, (0 if stored is None else int.from_bytes(stored, "little")) + added)

    def set_count(self, transaction: Transaction, fingerprint: bytes, count: int) -> None:
        """Set what a fingerprint's vectors are counted as; at 0 the fingerprint is forgotten."""
        database = self.store.databases[COUNTS]
        if count > 0:
            transaction.put(fingerprint, count.to_bytes(_COUNT_BYTES, "little"), db=database)
        else:
            transaction.delete(fingerprint, db=database)

    def put(
        self,
        transaction: Transaction,
        vectors: Mapping[bytes, bytes],
        previews: Mapping[bytes, bytes],
        is_good: Callable[[bytes, bytes], bool],
    ) -> None:
        """Store values under their keys; of the vectors only those that are not there, or are there and bad."""
        database = self.store.databases[VECTORS]
        added: Counter[bytes] = Counter()
        for key, value in vectors.items():
            present = transaction.get(key, db=database)
            if present is None or not is_good(key, present):
                transaction.put(key, value, db=database)
                added[key[:FINGERPRINT_BYTES]] += present is None
        for digest, value in previews.items():
            transaction.put(digest, value, db=self.store.databases[PREVIEWS])
        for fingerprint, count in added.items():
            self.add_to_count(transaction, fingerprint, count)

    def delete_vectors(self, transaction: Transaction, keys: Iterable[bytes]) -> Removed:
        """Delete vectors, and the previews of pictures that have none left under any fingerprint."""
        database = self.store.databases[VECTORS]
        deleted = [key for key in keys if transaction.delete(key, db=database)]
        self._deleted += deleted
        for fingerprint in {key[:FINGERPRINT_BYTES] for key in deleted}:
            self.add_to_count(transaction, fingerprint, -sum(key.startswith(fingerprint) for key in deleted))
        digests = {key[FINGERPRINT_BYTES : FINGERPRINT_BYTES + DIGEST_BYTES] for key in deleted}
        return Removed(len(deleted), self.delete_orphans(transaction, sorted(digests)))

    def delete_orphans(self, transaction: Transaction, digests: Sequence[bytes]) -> int:
        """Delete the previews of those pictures that have no vector left; how many there were."""
        orphans = self.without_vectors(transaction, digests)
        return sum(transaction.delete(digest, db=self.store.databases[PREVIEWS]) for digest in orphans)

    def drop_bad(
        self, transaction: Transaction, name: str, keys: Iterable[bytes], is_good: Callable[[bytes, bytes], bool]
    ) -> int:
        """Delete those of these values that are bad still: one of them may have been written anew meanwhile."""
        database = self.store.databases[name]
        bad = [
            key
            for key in dict.fromkeys(keys)
            if (value := transaction.get(key, db=database)) is not None and not is_good(key, value)
        ]
        if name == VECTORS:
            return self.delete_vectors(transaction, bad).vectors
        return sum(transaction.delete(key, db=database) for key in bad)

    def without_vectors(self, transaction: Transaction, digests: Sequence[bytes]) -> list[bytes]:
        """Those of the digests that have no vector, not even of a view, under any fingerprint."""
        cursor = transaction.cursor(self.store.databases[VECTORS])
        prefixes = sorted(self.counts(transaction))

        def has_vector(digest: bytes) -> bool:
            return any(
                cursor.set_range(prefix + digest) and cursor.key().startswith(prefix + digest) for prefix in prefixes
            )

        return [digest for digest in digests if not has_vector(digest)]

    def keys_from(self, transaction: Transaction, name: str, first: bytes) -> Iterator[bytes]:
        """The keys from `first` on, in order, the values unread."""
        cursor = transaction.cursor(self.store.databases[name])
        return iter(cursor.iternext(keys=True, values=False)) if cursor.set_range(first) else iter(())

    def items_from(self, transaction: Transaction, name: str, first: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values from `first` on, in order."""
        cursor = transaction.cursor(self.store.databases[name])
        return iter(cursor.iternext(keys=True, values=True)) if cursor.set_range(first) else iter(())

    def entries(self, transaction: Transaction, name: str) -> int:
        """How many entries a database has."""
        return transaction.stat(self.store.databases[name])["entries"]
