"""The tables of last use of all fingerprints, and a thread that saves the one that changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from feature_extractor.cache.last_use import LastUse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

SAVE_EVERY_S = 60.0


class Repeating:
    """Does some work again and again in a thread of its own, which must not raise, until it is stopped.

    Args:
        work: what to do.
        every_s: seconds between, and before the first.
        name: of the thread.
    """

    def __init__(self, work: Callable[[], None], *, every_s: float, name: str) -> None:
        self._work = work
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Return when the work is done for the last time; again does nothing."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._work()


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
