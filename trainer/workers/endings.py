"""How a worker's process ends, as its exit status; 0 is a fit that is done."""

from __future__ import annotations

import signal
from typing import Final

REFUSED: Final = 65
"""The fit failed for a reason that the chief told: it would fail again."""

PEER_LOST: Final = 75
"""Another worker is gone or silent."""

TASK_GONE: Final = 138
"""The trainer took the task away, or began it again, or is gone itself. Kubeflow's restart policy `ExitCode` starts a
container again that ends with 128 or more, and none that ends with less."""

USAGE: Final = 2
"""The command line or TF_CONFIG is wrong, or they do not fit the task."""

CONSEQUENCES: Final = frozenset({0, REFUSED, PEER_LOST, TASK_GONE})
"""What says nothing of the worker itself."""


def described(status: int, log: str) -> str:
    """Tell for people how a process ended: by a signal (a status below 0), or with a status and its last words."""
    if status < 0:
        return f"was ended by signal {-status} ({signal.Signals(-status).name})"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f"ended with status {status}" + (f": {lines[-1][:300]}" if lines else "")
