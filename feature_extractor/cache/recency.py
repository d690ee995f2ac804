"""The tables of last use of all fingerprints, and a thread that saves the one that changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from feature_extractor.cache.last_use import LastUse
from feature_extractor.cache.repeating import Repeating

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

SAVE_EVERY_S = 60.0
_FILES = "last-use-*.bin"


class Recency:
    """Remembers what was used when; every method may be called from any thread.

    Uses since the last save, up to a minute of them, are lost with a kill.

    Args:
        directory: where the files are; `last-use-FINGERPRINT.bin` for each.
        fingerprint: the one that is read and written here; tables of others are looked at only to evict from them.
        clock: seconds since 1970 UTC.
        save_every_s: seconds between saves.
    """

    def __init__(
        self,
        directory: Path,
        fingerprint: bytes,
        *,
        clock: Callable[[], float] = time.time,
        save_every_s: float = SAVE_EVERY_S,
    ) -> None:
        self._directory = directory
        self._fingerprint = fingerprint
        self._clock = clock
        self._serving = LastUse(self._path(fingerprint), fingerprint)
        # Invariant: _others and _newest are touched only under _lock.
        self._lock = threading.Lock()
        self._others: dict[bytes, LastUse] = {}
        self._newest: dict[bytes, int | None] = {}
        self._serving.open()
        self._saving = Repeating(
            lambda: _save(self._serving, complete=False), every_s=save_every_s, name="cache-recency"
        )

    def now_s(self) -> int:
        """Seconds since 1970 UTC."""
        return int(self._clock())

    def touch(self, keys: Sequence[bytes]) -> None:
        """These keys of the serving fingerprint were read or written now."""
        self._serving.touch(keys, self.now_s())

    def table(self, fingerprint: bytes) -> LastUse:
        """The table of a fingerprint; that of another than the serving one is loaded when it is first asked for."""
        if fingerprint == self._fingerprint:
            return self._serving
        with self._lock:
            if fingerprint not in self._others:
                self._others[fingerprint] = LastUse(self._path(fingerprint), fingerprint)
            return self._others[fingerprint]

    def loaded(self) -> list[bytes]:
        """The fingerprints whose tables were asked for, but for the serving one."""
        with self._lock:
            return list(self._others)

    def newest(self, fingerprint: bytes) -> int | None:
        """When a vector of the fingerprint was last used; None if it is not known. Of others it is read once."""
        if fingerprint == self._fingerprint:
            return self._serving.newest
        with self._lock:
            if fingerprint not in self._newest:
                self._newest[fingerprint] = LastUse(self._path(fingerprint), fingerprint).newest
            return self._newest[fingerprint]

    def forget(self, fingerprint: bytes) -> None:
        """Nothing of this fingerprint is left: delete its file, unless it is the serving one's, which may come back."""
        if fingerprint == self._fingerprint:
            return
        with self._lock:
            self._others.pop(fingerprint, None)
            self._newest.pop(fingerprint, None)
        self._path(fingerprint).unlink(missing_ok=True)

    def sweep(self, left: Collection[bytes]) -> None:
        """Delete the files of fingerprints other than these, and what a kill left half written.

        Args:
            left: those that have vectors; the serving one need not be among them.
        """
        wanted = {self._path(fingerprint) for fingerprint in (*left, self._fingerprint)}
        stray = set(self._directory.glob(_FILES)) - wanted | set(self._directory.glob(f".{_FILES}.*.tmp"))
        for path in sorted(stray):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s is of no use any more and cannot be deleted: %s", path, error)

    def close(self) -> None:
        """Save and stop the thread; again does nothing."""
        if self._saving.stopped:
            return
        self._saving.stop()
        _save(self._serving, complete=self._serving.complete, always=True)

    def _path(self, fingerprint: bytes) -> Path:
        return self._directory / f"last-use-{fingerprint.hex()}.bin"


def _save(table: LastUse, *, complete: bool, always: bool = False) -> None:
    try:
        table.save(complete=complete, always=always)
    except OSError as error:
        _log.warning("when the cache's entries were last used could not be saved: %s", error)
