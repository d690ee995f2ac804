"""Runs a program in a process of its own from a worker thread: told on its standard input, killed when nobody waits."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from graft.errors import FailedPreconditionError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_LOOK_S: Final = 0.5
_LAST_LINES: Final = 5
REFUSED: Final = "graft refused: "
"""What a program prints before a reason, a colon and a message, if it ends with a refusal and not with a fault."""


def run_child(command: Sequence[str], told: str, *, log: Path, threads: int, alive: Callable[[], None]) -> str:
    """Run a program and return what it printed.

    Args:
        command: the program and its arguments.
        told: its standard input.
        log: file for what it says on its standard error.
        threads: processor cores that libraries outside TensorFlow may use; 0 is all.
        alive: called about twice a second; what it raises ends the program.

    Raises:
        FailedPreconditionError: what the program refused.
        InternalError: reason EXPORT_FAILED; it ended with an error, whose last lines are in the message.
    """
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    with log.open("wb") as said:
        child = subprocess.Popen(  # noqa: S603 - this Python and a program of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
            start_new_session=True,
        )
        printed = _talk(child, told, alive)
    if child.returncode == 0:
        return printed.decode()
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for line in lines:
        if line.startswith(REFUSED):
            reason, _, message = line.removeprefix(REFUSED).partition(": ")
            raise FailedPreconditionError(message, reason=reason)
    raise InternalError(
        f"the process {command[-1]} ended with {child.returncode}: {'; '.join(lines[-_LAST_LINES:])}",
        reason="EXPORT_FAILED",
    )


def _talk(child: subprocess.Popen[bytes], told: str, alive: Callable[[], None]) -> bytes:
    given: bytes | None = told.encode()
    with child:
        try:
            while True:
                try:
                    return child.communicate(given, timeout=_LOOK_S)[0]
                except subprocess.TimeoutExpired:
                    given = None  # communicate keeps what it has not written yet
                    alive()
        except BaseException:
            child.kill()
            raise
