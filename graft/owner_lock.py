"""Keeps a second owner out of a directory: one exclusively flocked file that names the owner's process.

The kernel drops the lock with the process, however it ends, so a killed owner never locks anybody out.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError, Violation

if TYPE_CHECKING:
    from pathlib import Path


class OwnerLock:
    """Ownership of `path`'s directory from construction until `release`.

    Args:
        path: the lock file; its directory is there.
        reason: of the error for a second owner.

    Raises:
        FailedPreconditionError: `reason`; the message names the process that owns it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        # The file is never deleted: unlinking would let two processes lock two files of one name.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise FailedPreconditionError(
                f"{path.parent} is in use by process {owner}: stop it, or choose another --home",
                reason=reason,
                violations=(Violation(str(path.parent), f"owned by process {owner}"),),
                metadata={"pid": owner},
            ) from error
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor: int | None = descriptor
        _held.add(self)

    def release(self) -> None:
        """Give the ownership up; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_held: weakref.WeakSet[OwnerLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A flock lives until its last copy is closed: a forked child must not keep its dead parent's."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
