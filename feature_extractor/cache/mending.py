"""Remembers which values readers found damaged and drops them in a thread of its own: a reader must never write.

Readers are in the event loop too, where a wait for the write lock, or for a sync to disk, would hold up everybody.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from feature_extractor.cache.repeating import Repeating
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from feature_extractor.cache.tables import Tables

_log = logging.getLogger(__name__)

_EVERY_S = 5.0
_REMEMBERED = 65_536  # keys of a table; a few megabytes, should a disk be that bad


class Mender:
    """The damaged values of one store that are still to be dropped; every method may be called from any thread.

    Args:
        tables: the databases.
        is_good: for each table, by name, whether a value is what was stored under its key.
        found: told how many values were found damaged that were not known as such.
        every_s: seconds between drops.
    """

    def __init__(
        self,
        tables: Tables,
        is_good: Mapping[str, Callable[[bytes, bytes], bool]],
        *,
        found: Callable[[int], None],
        every_s: float = _EVERY_S,
    ) -> None:
        self._tables = tables
        self._is_good = is_good
        self._found = found
        # Invariant: the sets are touched only under _lock.
        self._lock = threading.Lock()
        self._damaged: dict[str, set[bytes]] = {name: set() for name in is_good}
        # Whether the last drop succeeded, so that the log tells changes only. Touched only under _dropping.
        self._dropping = threading.Lock()
        self._able = True
        self._repeating = Repeating(self.drop, every_s=every_s, name="cache-mender")

    def note(self, name: str, keys: Iterable[bytes]) -> None:
        """The values under these keys of a table are damaged; each counts once, however often it is read."""
        with self._lock:
            damaged = self._damaged[name]
            new = set(keys) - damaged
            damaged.update(list(new)[: max(_REMEMBERED - len(damaged), 0)])
        if new:
            self._found(len(new))

    def forget(self, name: str, keys: Iterable[bytes]) -> None:
        """These were written anew, or are gone."""
        with self._lock:
            if self._damaged[name]:
                self._damaged[name].difference_update(keys)

    def damaged(self, name: str) -> AbstractSet[bytes]:
        """The keys of a table whose values are known to be damaged."""
        with self._lock:
            return frozenset(self._damaged[name])

    def drop(self) -> None:
        """Drop what is noted, unless it was written anew meanwhile; what cannot be dropped now stays noted."""
        with self._dropping:
            for name, is_good in self._is_good.items():
                if keys := self.damaged(name):
                    self._drop(name, keys, is_good)

    def close(self) -> None:
        """Drop what is noted and stop the thread; again does nothing."""
        if not self._repeating.stopped:
            self._repeating.stop()
            self.drop()

    def _drop(self, name: str, keys: AbstractSet[bytes], is_good: Callable[[bytes, bytes], bool]) -> None:
        try:
            with self._tables.writing() as transaction:
                dropped = self._tables.drop_bad(transaction, name, sorted(keys), is_good)
        except GraftError as error:
            if self._able:
                self._able = False
                _log.warning("%d corrupt values of the cache's %s cannot be dropped: %s", len(keys), name, error)
            return
        self._able = True
        self.forget(name, keys)
        if dropped:
            _log.warning("dropped %d corrupt values of the cache's %s", dropped, name)
