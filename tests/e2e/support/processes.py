"""Finds processes by a mark in their environment, which every process that they start inherits."""

from __future__ import annotations

import os
import secrets
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MARK: Final = "TEST_PROCESS_MARK"
_PAUSE_S: Final = 0.05


def new_mark() -> dict[str, str]:
    """Return this process's environment with a mark that no other has."""
    return {**os.environ, MARK: secrets.token_hex(16)}


def marked(environment: dict[str, str]) -> list[int]:
    """Return the processes that live with the environment's mark; those that have ended do not count."""
    wanted = f"{MARK}={environment[MARK]}".encode()
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # gone meanwhile, or not ours
        if wanted in variables:
            found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], what: str, limit_s: float = 60.0) -> None:
    """Return once the condition holds; fail, saying `what` did not come, after `limit_s` seconds."""
    pause, deadline = threading.Event(), time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {limit_s:.0f} s"
        pause.wait(_PAUSE_S)


def wait_none_left(environment: dict[str, str]) -> None:
    """Return once no process with the environment's mark is left."""
    wait_until(lambda: not marked(environment), f"the end of processes {marked(environment)}")
