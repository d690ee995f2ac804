"""Opens the LMDB environment of the cache and says in Graft's words why LMDB refused something."""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

import lmdb

from feature_extractor.cache.page_entries import DamagedError
from feature_extractor.cache.structure import check_structure
from graft.durable_files import sync_directory
from graft.errors import (
    DataLossError,
    FailedPreconditionError,
    GraftError,
    ResourceExhaustedError,
    UnavailableError,
    Violation,
)

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

DEFAULT_MAP_BYTES = 1 << 40
"""Address space asked for, in bytes: sparse, so it costs neither memory nor disk."""

_MAX_DATABASES = 8
_MAX_READERS = 1024
_SPARE_TRANSACTIONS = 16
# LMDB's lock file: two cache lines of its own and one for each reader.
_LOCK_BYTES = 64 * (2 + _MAX_READERS)
# A short write on a full disk reaches us as EIO, a quota as EDQUOT, a file size limit as EFBIG.
_DISK_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def open_environment(directory: Path, map_bytes: int, size_limit_bytes: int) -> lmdb.Environment:
    """Open the environment in this directory, with the largest map up to `map_bytes` that the system grants.

    The map is never resized afterwards: that is undefined in LMDB while a reader is live. writemap stays off: with
    it a full disk would be a SIGBUS instead of an error. Slots of readers that were killed are cleared.

    Raises:
        FailedPreconditionError: no map that holds `size_limit_bytes` is granted (reason CACHE_MAP_REFUSED), or the
            files cannot be read or are not an LMDB environment of this version (reason CACHE_UNREADABLE), or are one
            whose trees are damaged, so that LMDB might end the process (reason CACHE_DAMAGED).
        ResourceExhaustedError: the disk has no room for the lock file (reason CACHE_FULL).
    """
    try:
        check_structure(directory / "data.mdb")
    except OSError as error:
        sentence = f"the cache in {directory} cannot be read ({error}): put that right, or choose another home"
        raise _not_opened(directory, error, sentence, reason="CACHE_UNREADABLE") from error
    except DamagedError as error:
        sentence = f"the cache in {directory} is damaged ({error}): move it away; what it held will be computed again"
        raise _not_opened(directory, error, sentence, reason="CACHE_DAMAGED") from error
    _reserve_lock_file(directory)
    floor = min(map_bytes, size_limit_bytes)
    wanted = map_bytes
    while True:
        try:
            environment = _open(directory, wanted)
            break
        except (lmdb.MemoryError, OverflowError) as error:
            if wanted == floor:
                raise FailedPreconditionError(
                    f"the system grants no map of {floor} bytes for {directory}: "
                    "lower the cache's size limit or raise the process's address space limit (ulimit -v)",
                    reason="CACHE_MAP_REFUSED",
                    violations=(Violation("cache size limit", f"no map of {floor} bytes is granted"),),
                ) from error
            smaller = max(wanted // 2, floor)
            _log.warning("a map of %d bytes for %s was refused; trying %d", wanted, directory, smaller)
            wanted = smaller
        except lmdb.Error as error:
            sentence = f"{directory} cannot be opened as a cache ({error}): move it away or choose another home"
            raise _not_opened(directory, error, sentence, reason="CACHE_UNREADABLE") from error
    environment.reader_check()
    sync_directory(directory)
    return environment


def refusal(error: lmdb.Error, directory: Path) -> GraftError:
    """The error that a failed transaction means for callers.

    ResourceExhaustedError CACHE_FULL if the map or the disk is full, DataLossError CACHE_DAMAGED if the file's
    structure is broken, else UnavailableError CACHE_UNUSABLE.
    """
    code = getattr(error, "code", 0)
    if isinstance(error, (lmdb.MapFullError, lmdb.DiskError)) or code in _DISK_REFUSALS:
        return ResourceExhaustedError(
            f"the disk or the map under {directory} took no more ({error}): free space; writing then resumes by itself",
            reason="CACHE_FULL",
            metadata={"cause": "disk"},
        )
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError)):
        return DataLossError(
            f"the cache in {directory} is damaged ({error}): start the extractor again, which mends what it can, and "
            "move the cache away if it is refused then",
            reason="CACHE_DAMAGED",
        )
    return UnavailableError(
        f"the cache in {directory} cannot be used ({error}): restart the extractor", reason="CACHE_UNUSABLE"
    )


def _reserve_lock_file(directory: Path) -> None:
    """Have the disk's blocks for all of the lock file, which LMDB leaves sparse and writes through a map.

    Without them the first use of a reader's slot on a full disk would be a SIGBUS.
    """
    path = directory / "lock.mdb"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(descriptor, 0, max(os.fstat(descriptor).st_size, _LOCK_BYTES))
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _DISK_REFUSALS:
            raise ResourceExhaustedError(
                f"the disk has no room for {path}, {_LOCK_BYTES} bytes ({error}): free space, then start again",
                reason="CACHE_FULL",
                metadata={"cause": "disk"},
            ) from error
        sentence = f"{path} cannot be written ({error}): put that right, or choose another home"
        raise _not_opened(directory, error, sentence, reason="CACHE_UNREADABLE") from error


def _not_opened(directory: Path, error: Exception, sentence: str, *, reason: str) -> FailedPreconditionError:
    return FailedPreconditionError(sentence, reason=reason, violations=(Violation(str(directory), str(error)),))


def _open(directory: Path, map_bytes: int) -> lmdb.Environment:
    return lmdb.Environment(
        os.fspath(directory),
        map_size=map_bytes,
        max_dbs=_MAX_DATABASES,
        max_readers=_MAX_READERS,
        max_spare_txns=_SPARE_TRANSACTIONS,
        readahead=False,  # look-ups are random: reading ahead would evict what is hot
        writemap=False,
    )
