"""The workers as the trainer sees them: those it started on its own machine, and those that others start."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

from trainer.workers.beats import LOST_S, Listener
from trainer.workers.cluster import local_configs
from trainer.workers.endings import CONSEQUENCES, described

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from trainer.workers.task import Task

_PORTS: Final = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections, so that none takes one before its worker does."""

_CONSEQUENCE_S: Final = 5.0
"""How long the cause of a worker's end may come to light after it: when one dies, others fail before it is seen."""

_LEAVE_S: Final = 5.0


class Crew(Protocol):
    """Some workers; a context around the fit, which ends them."""

    def __enter__(self) -> Self:
        """Start them, where they are the trainer's to start."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        ...

    def lost(self) -> str | None:
        """Tell for people which worker is lost and how; None while all are well."""
        ...


class LocalCrew:
    """Workers of this machine: processes in sessions of their own that end with the trainer.

    Attributes:
        processes: theirs, by rank.
    """

    def __init__(self, folder: Path, task: Task, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._task, self._clock = folder, task, clock
        self.processes: list[subprocess.Popen[bytes]] = []
        self._beats = Listener(folder, task.attempt, range(task.workers), clock)
        self._ended_at: float | None = None

    def __enter__(self) -> Self:
        """Start a process for each."""
        for rank, config in enumerate(local_configs(free_ports(self._task.workers))):
            environment = {
                **os.environ,
                "TF_CONFIG": config,
                "TF_CPP_MIN_LOG_LEVEL": "1",
                "no_grpc_proxy": "127.0.0.1",
                "PYTHONUNBUFFERED": "1",
            }
            with self._log(rank).open("wb") as log:
                self.processes.append(
                    subprocess.Popen(  # noqa: S603 - this Python and a program of ours
                        [sys.executable, "-m", "trainer.workers", str(self._folder), "--end-with-input"],
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=environment,
                        start_new_session=True,
                    )
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let them go if all went well, or kill them."""
        for process in self.processes:
            if kind is not None:
                process.kill()
            if process.stdin is not None:
                process.stdin.close()
        for process in self.processes:
            try:
                process.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def lost(self) -> str | None:
        """Tell which worker ended, or is not heard of; of several, one that did not end because of another."""
        count = self._task.workers
        self._beats.listen()
        ended = {rank: status for rank, each in enumerate(self.processes) if (status := each.poll()) is not None}
        causes = [rank for rank, status in ended.items() if status not in CONSEQUENCES]
        if ended and self._ended_at is None:
            self._ended_at = self._clock()
        if not causes and self._ended_at is not None and self._clock() - self._ended_at > _CONSEQUENCE_S:
            silent = self._beats.silent(_CONSEQUENCE_S, but=ended)  # it hangs, and the others gave it up
            if silent is not None:
                return f"worker {silent} of {count} (process {self.processes[silent].pid}) does not answer"
            causes = list(ended)
        if causes:
            rank = causes[0]
            how = described(ended[rank], self._log(rank).read_text(errors="replace"))
            return f"worker {rank} of {count} (process {self.processes[rank].pid}) {how}"
        return unheard(self._beats, count, LOST_S)

    def _log(self, rank: int) -> Path:
        return self._folder / f"worker-{rank}.log"


class DistantCrew:
    """Workers that somebody else starts, on machines that share the folder: the trainer hears their beats alone."""

    def __init__(self, folder: Path, task: Task, begin_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Give them `begin_s` seconds to begin."""
        self._folder, self._count, self._begin_s = folder, task.workers, begin_s
        self._beats = Listener(folder, task.attempt, range(task.workers), clock)

    def __enter__(self) -> Self:
        """Wait for nobody: `lost` tells who does not come."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: workers end when their task is taken away."""

    def lost(self) -> str | None:
        """Tell which worker is not heard of any more, or did not begin in time."""
        return unheard(self._beats, self._count, self._begin_s)


def unheard(beats: Listener, count: int, begin_s: float) -> str | None:
    """Listen, and tell which worker has not begun within `begin_s` seconds, or is silent."""
    beats.listen()
    if beats.replaced is not None:
        return f"worker {beats.replaced} of {count} ended, and was started again while the others went on"
    silent = beats.silent(LOST_S)
    if silent is not None:
        return f"nothing was heard of worker {silent} of {count} for {LOST_S:g} s"
    absent = beats.absent(begin_s)
    return None if absent is None else f"worker {absent} of {count} did not begin within {begin_s:g} s"


def free_ports(count: int) -> list[int]:
    """Return so many ports that nobody listens on, in no order."""
    ports: set[int] = set()
    while len(ports) < count:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            ports.add(port)
    return list(ports)
