"""What the system tells about a process and its descendants: memory, processor time, files, threads (Linux /proc)."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _STIME, _THREADS = 1, 11, 12, 17  # of /proc/PID/stat, counted behind the name (proc(5))
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants use now.

    Attributes:
        memory_bytes: proportional set size: pages shared by several processes count once among them.
        own_bytes: the part of it that no file stands behind; the rest, such as pages of the cache's file, the system
            takes back when it needs them.
        cpu_s: processor seconds since the start of each.
        files: open file descriptors.
        threads: threads.
    """

    memory_bytes: int
    own_bytes: int
    cpu_s: float
    files: int
    threads: int


def family(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(*_GONE):
                children.setdefault(int(_stat(int(entry.name))[_PPID]), []).append(int(entry.name))
    found = [root]
    for each in found:  # grows while it is walked
        found += children.get(each, [])
    return found


def usage(root: int) -> Usage:
    """What the process and its descendants use now; those that end meanwhile are left out."""
    memory = own = files = threads = 0
    cpu = 0.0
    for pid in family(root):
        with suppress(*_GONE):
            stat = _stat(pid)
            rollup = _rollup(pid)
            memory += rollup["Pss"]
            own += rollup["Anonymous"]
            cpu += (int(stat[_UTIME]) + int(stat[_STIME])) / _TICKS
            files += len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names alone, nothing built for each
            threads += int(stat[_THREADS])
    return Usage(memory, own, cpu, files, threads)


def send(root: int, number: signal.Signals) -> None:
    """Send a signal to the process and all its descendants."""
    for pid in family(root):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold anything, parentheses and spaces included."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _rollup(pid: int) -> dict[str, int]:
    """The sums over all mappings, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}


def end_tidily() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does: what it started is stopped, not left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
