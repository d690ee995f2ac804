"""The stages' log files under the home."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_LARGE_BYTES: Final = 16 * 1024 * 1024
_TAIL_BYTES: Final = 16 * 1024


def log_of(home: Path, stage: str) -> Path:
    """Return HOME/logs/STAGE.log."""
    return home / "logs" / f"{stage}.log"


def open_log(log: Path) -> IO[bytes]:
    """Return a log, open to append to; one that has grown large is put aside as STAGE.log.1.

    Raises:
        OSError: it cannot be opened.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # it grows on, then
        if log.stat().st_size > _LARGE_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return log.open("ab", buffering=0)


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a log that are not empty, none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-count:]
