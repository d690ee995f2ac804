"""One LMDB environment shared by threads: one process owns it, no fork crosses it, nobody is in it when it closes."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import lmdb

from feature_extractor.cache.environment import open_environment, refusal
from graft.errors import UnavailableError
from graft.owner_lock import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_META_PAGES = 2


def own(directory: Path) -> OwnerLock:
    """Make the directory and take its ownership, which costs nothing yet: before a trunk is loaded for it.

    Raises:
        FailedPreconditionError: another process owns it (reason CACHE_IN_USE, naming its pid).
    """
    directory.mkdir(parents=True, exist_ok=True)
    return OwnerLock(directory / "owner.lock", "CACHE_IN_USE")


class Store:
    """The environment in `directory` and its named databases.

    Args:
        directory: made if it is not there.
        databases: names of the databases; `databases[name]` is the handle.
        map_bytes: address space to ask for.
        size_limit_bytes: the map must at least hold this.
        owned: ownership of the directory, from `own`; None takes it. It is given up on `close`, or if opening fails.

    Raises:
        FailedPreconditionError: see OwnerLock and open_environment.
    """

    def __init__(
        self,
        directory: Path,
        *,
        databases: tuple[str, ...],
        map_bytes: int,
        size_limit_bytes: int,
        owned: OwnerLock | None = None,
    ) -> None:
        self.directory = directory
        # Invariant: _users counts the threads inside a transaction. The environment is closed only at zero, and
        # none enters after _closed: unmapping the file under a reader would crash the process.
        self._idle = threading.Condition()
        self._users = 0
        self._closed = False
        self._pid = os.getpid()
        self._lock = own(directory) if owned is None else owned
        try:
            self._environment = open_environment(directory, map_bytes, size_limit_bytes)
            self.databases = {name: self._environment.open_db(name.encode()) for name in databases}
        except BaseException:
            self._lock.release()
            raise

    @property
    def path(self) -> Path:
        """The file that is mapped."""
        return self.directory / "data.mdb"

    def check_open(self) -> None:
        """Return if a transaction may be begun now, else raise as `transaction` does."""
        if os.getpid() != self._pid:
            raise RuntimeError(f"{self.directory} was opened by process {self._pid}, before a fork: open it after")
        if self._closed:
            raise UnavailableError("the cache is closed: the extractor is stopping", reason="CACHE_CLOSED")

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[lmdb.Transaction[bytes]]:
        """A snapshot to read, or the one write transaction: committed and synced at the end, aborted on an error.

        Raises:
            UnavailableError: the store is closed (reason CACHE_CLOSED).
            ResourceExhaustedError, DataLossError, UnavailableError: LMDB refused something, see `refusal`.
            RuntimeError: this process is a fork of the one that opened the store.
        """
        with self._idle:
            self.check_open()
            self._users += 1
        try:
            with self._environment.begin(write=write) as transaction:
                yield transaction
        except lmdb.Error as error:
            raise refusal(error, self.directory) from error
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()

    def data_bytes(self, transaction: lmdb.Transaction[bytes]) -> int:
        """Bytes of the pages that hold data, as this transaction sees them; pages free for reuse do not count."""
        trees = [transaction.stat(), *(transaction.stat(database) for database in self.databases.values())]
        pages = sum(tree["branch_pages"] + tree["leaf_pages"] + tree["overflow_pages"] for tree in trees)
        return trees[0]["psize"] * (_META_PAGES + pages)

    def file_bytes(self) -> int:
        """Bytes of the file as far as it was ever written."""
        return (self._environment.info()["last_pgno"] + 1) * self._environment.stat()["psize"]

    def map_bytes(self) -> int:
        """Bytes of address space reserved."""
        return self._environment.info()["map_size"]

    def close(self, before_release: Callable[[], None] = lambda: None) -> None:
        """Wait for the transactions under way, then close and give up the ownership; again does nothing.

        Args:
            before_release: called when nobody is in a transaction any more and the directory is still owned.
        """
        if os.getpid() != self._pid:
            return
        with self._idle:
            if self._closed:
                return
            self._closed = True
            self._idle.wait_for(lambda: self._users == 0)
        self._environment.close()
        before_release()
        self._lock.release()
