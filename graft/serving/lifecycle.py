"""Start and stop of a stage's process: signals at any moment, and the lifeline to a process that supervises it.

This module imports next to nothing: a stage calls `exit_cleanly_until_ready` before its first slow import.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

LIFELINE: Final = "GRAFT_LIFELINE_FD"
"""Environment variable with the number of an inherited pipe's reading end: its end of file means stop."""


def exit_cleanly_until_ready() -> None:
    """Make SIGTERM and SIGINT end the process with exit code 0 from now on.

    For the time before there is anything to drain. A supervisor may start the process with the signals blocked, so
    that none can arrive earlier than this; they are unblocked here.
    """
    for each in STOP_SIGNALS:
        signal.signal(each, _exit_at_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _exit_at_once(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    # Threads may be inside TensorFlow's import, which nothing can interrupt; no state exists yet that needs closing.
    os._exit(0)


def stop_event() -> asyncio.Event:
    """Return an event of the running loop that SIGTERM, SIGINT or the end of the lifeline sets."""
    import asyncio

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in STOP_SIGNALS:
        loop.add_signal_handler(each, stop.set)
    lifeline = os.environ.get(LIFELINE, "")
    if lifeline.isdecimal():
        descriptor = int(lifeline)

        def _ended() -> None:
            # Nothing is ever written to the pipe: readable means that the supervisor is gone.
            loop.remove_reader(descriptor)
            stop.set()

        loop.add_reader(descriptor, _ended)
    return stop
