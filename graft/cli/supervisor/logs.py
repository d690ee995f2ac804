"""The stages' log files under the home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_LARGE_BYTES: Final = 16 * 1024 * 1024
_TAIL_BYTES: Final = 16 * 1024


def open_log(home: Path, stage: str) -> Path:
    """Return HOME/logs/STAGE.log, to append to; one that has grown large is put aside as STAGE.log.1."""
    log = home / "logs" / f"{stage}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LARGE_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a log that are not empty, none if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line.strip()][-count:]
