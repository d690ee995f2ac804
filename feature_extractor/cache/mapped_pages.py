"""Maps the pages of the cache's file before anybody asks for them.

The first look at a page that the process has not mapped yet is a page fault of one to two microseconds, as much as the
look-up itself, and after a start a large cache has hundreds of thousands of them ahead. Asked in large pieces, the
kernel maps a GiB that is in memory in some 0.05 s, and reads what is not there in the order of the disk. Linux from
5.14 on knows how; elsewhere pages are mapped one by one, as they are looked at.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

_POPULATE_READ = 22  # MADV_POPULATE_READ, see madvise(2)
_PIECE_BYTES = 1 << 26
_AT_ONCE_BYTES = 1 << 30
_SHARE = 0.5
_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+)")


class MappedPages:
    """How much of a growing file is mapped; for one thread.

    Args:
        path: a file that this process has mapped once, from its start.
        limit_bytes: how much of it to map at most; None: half of the memory that this process may have.
    """

    def __init__(self, path: Path, limit_bytes: int | None = None) -> None:
        self._path = path
        self._limit = int(memory_bytes() * _SHARE) if limit_bytes is None else limit_bytes
        self._mapped = 0

    @property
    def mapped_bytes(self) -> int:
        """Up to where the file is mapped."""
        return self._mapped

    def advance(self) -> None:
        """Map the next pieces that are whole, at most a GiB; what the kernel refuses is not asked for again."""
        try:
            size = min(self._path.stat().st_size, self._limit, self._mapped + _AT_ONCE_BYTES)
            start = address_of(self._path) if size >= self._mapped + _PIECE_BYTES else None
        except OSError:
            return  # taken away under the running process; those who look things up are told so
        while start is not None and self._mapped + _PIECE_BYTES <= size:
            if not _populate(start + self._mapped, _PIECE_BYTES):
                self._limit = self._mapped
                return
            self._mapped += _PIECE_BYTES


def address_of(path: Path) -> int | None:
    """Where this process has mapped the file's start; None if it has not, or the system does not tell."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    status = path.stat()
    wanted = os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
    for line in maps.read_text().splitlines():
        found = _LINE.match(line)
        if found and int(found[3], 16) == 0 and (int(found[4], 16), int(found[5], 16), int(found[6])) == wanted:
            return int(found[1], 16)
    return None


def memory_bytes() -> int:
    """What this process may have at most: the machine's memory, or its control group's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(allowed)) if allowed.isdecimal() else machine


def _populate(address: int, length: int) -> bool:
    """Whether the kernel mapped it."""
    madvise = getattr(ctypes.CDLL(None, use_errno=True), "madvise", None)
    return madvise is not None and madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), _POPULATE_READ) == 0
