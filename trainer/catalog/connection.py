"""The catalog's SQLite file: one writer behind a lock, a pool of readers, short transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from graft.errors import ResourceExhaustedError
from trainer.catalog.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BUSY_TIMEOUT_S = 10.0
_DISK_FULL_RETRY_S = 10.0


def _now_ms() -> int:
    return int(time.time() * 1000)


class Catalog:
    """An open catalog; safe to call from any thread.

    WAL lets readers go on while one writes; synchronous=FULL makes a committed transaction survive a power loss, which
    is what an acknowledged import promises.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int] = _now_ms) -> None:
        """Open or create the catalog at `path`; `now_ms` tells milliseconds since 1970 UTC.

        Raises:
            FailedPreconditionError: reason CATALOG_TOO_NEW.
        """
        self.path = path
        self.now_ms = now_ms
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write_lock = threading.Lock()  # held for the whole of a write transaction: `_writer` has one user
        self._pool_lock = threading.Lock()  # guards `_idle` and `_closed` only, never held during a query
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._writer = self._connect()
        try:
            self._writer.execute("PRAGMA journal_mode = WAL")
            migrate(self._writer, str(path))
        except BaseException:
            self._writer.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # autocommit: transactions are begun and ended by `write` and `read` alone
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the one write transaction: committed and synced when the block ends, undone when it raises.

        A `write` inside another waits for ever: stores never call each other while holding one.

        Raises:
            ResourceExhaustedError: reason DISK_FULL; nothing of the block was written.
        """
        with self._write_lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise self._disk_full() from error
                raise

    def _disk_full(self) -> ResourceExhaustedError:
        return ResourceExhaustedError(
            f"the disk that holds {self.path} is full, nothing was written: make room, then try again",
            reason="DISK_FULL",
            retry_after_s=_DISK_FULL_RETRY_S,
        )

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Hold one consistent view of the catalog; what others commit meanwhile is not seen."""
        with self._pool_lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")
            with self._pool_lock:
                keep = not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def close(self) -> None:
        """Close every connection; a read in progress closes its own when it ends."""
        with self._pool_lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._write_lock:
            self._writer.close()
