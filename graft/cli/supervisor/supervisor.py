"""Starts the stages as their neighbours' addresses become known, restarts what dies, stops all in order."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, Final, Protocol

from graft.cli.supervisor.child import Child, Ended, Event, Listening, Serving, Stop
from graft.cli.supervisor.logs import last_lines, log_of, open_log
from graft.cli.supervisor.records import UP, RunningStage, Up, write_exit, write_up
from graft.cli.supervisor.stages import STAGES, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft.cli.supervisor.stages import Plan, Stage

QUICK_S: Final = 60.0
"""A stage that dies within so many seconds of its start died quickly."""

MAX_QUICK_DEATHS: Final = 5
"""After so many quick deaths in a row of one stage everything is stopped."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
_TICK_S: Final = 1.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Screen(Protocol):
    """Where a supervisor says what happens."""

    def say(self, line: str) -> None:
        """Say something once."""

    def warn(self, line: str) -> None:
        """Say what goes wrong here and does not stop the stages."""

    def waiting(self, stages: list[str], last_line: str) -> None:
        """Say which stages are not serving yet, and what the first of them logged last; called every second."""

    def ready(self, up: Up) -> None:
        """Say that all stages serve."""


class Supervisor:
    """Runs a plan until it is told to stop or a stage cannot be kept running."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._addresses = plan.known_addresses()
        self._listening: set[str] = set()
        self._children: dict[str, Child] = {}
        self._due: dict[str, float] = {}  # stages to start again, at seconds of time.monotonic()
        self._quick_deaths: dict[str, int] = {}
        self._ever_served: set[str] = set()
        self._announced = False
        self._written: Up | None = None
        self._warned: set[str] = set()
        # Each child inherits the reading end. When this process ends, however it does, the kernel closes the writing
        # end, and each child's event loop sees the end of the file.
        self._lifeline, self._held = os.pipe()

    def run(self) -> int:
        """Run; return 0 if a signal ended it and every stage then exited with 0, otherwise 1."""
        with self._signals():
            try:
                clean = self._supervise()
            finally:
                exit_codes = self._stop()
                self._write_exit(exit_codes)
        os.close(self._held)
        os.close(self._lifeline)
        self._screen.say("exit codes: " + ", ".join(f"{name} {code}" for name, code in exit_codes.items()))
        return 0 if clean and not any(exit_codes.values()) else 1

    def _supervise(self) -> bool:
        """Return True when told to stop, False when a stage cannot be kept running."""
        self._start_possible()
        self._tell()
        while True:
            match self._next_event():
                case Stop(signum=signum):
                    self._screen.say(f"{signal.Signals(signum).name}: stopping")
                    return True
                case Listening(child=child, address=address) if self._is_current(child):
                    self._addresses[child.stage] = address
                    self._listening.add(child.stage)
                    child.watch_health(address)
                    self._start_possible()
                case Serving(child=child) if self._is_current(child):
                    again, child.served = self._announced, True
                    self._ever_served.add(child.stage)
                    self._tell()  # the record first: whoever reads the line may read the record
                    if again:
                        self._screen.say(f"{child.stage} serves again")
                case Ended(child=child) if self._is_current(child):
                    if not self._schedule_restart(child):
                        return False
                case _:
                    self._start_due()
            self._tell()

    def _next_event(self) -> Event | None:
        # A record that could not be written is tried again.
        timeout = None if self._announced and self._written and not self._due else _TICK_S
        if self._due:
            timeout = max(0.0, min(_TICK_S, min(self._due.values()) - time.monotonic()))
        try:
            return self._events.get(timeout=timeout)
        except Empty:
            return None

    def _is_current(self, child: Child) -> bool:
        return self._children.get(child.stage) is child

    def _start_possible(self) -> None:
        for stage in STAGES:
            if stage.name not in self._children and all(name in self._addresses for name in stage.needs):
                self._start(stage)

    def _start_due(self) -> None:
        for stage in STAGES:
            if self._due.get(stage.name, float("inf")) <= time.monotonic():
                del self._due[stage.name]
                try:
                    self._start(stage)
                except OSError as error:
                    self._due[stage.name] = time.monotonic() + _LONGEST_PAUSE_S
                    self._warn(f"cannot start {stage.name}, and will go on trying: {error.strerror}")

    def _start(self, stage: Stage) -> None:
        self._children[stage.name] = Child(
            stage.name,
            self._plan.command(stage, self._addresses),
            environment(),
            self._open_log(stage),
            self._lifeline,
            self._events,
        )

    def _open_log(self, stage: Stage) -> IO[bytes]:
        log = log_of(self._plan.home, stage.name)
        try:
            return open_log(log)
        except OSError as error:
            self._warn(f"cannot open {log}: {error.strerror}; what {stage.name} says from now on is lost")
            return Path(os.devnull).open("ab", buffering=0)

    def _schedule_restart(self, child: Child) -> bool:
        """Plan another start of a stage that died; False if that is no use."""
        stage, code = child.stage, child.code
        child.kill()  # what it may have left in its session
        self._listening.discard(stage)
        log = log_of(self._plan.home, stage)
        quick = time.monotonic() - child.started < QUICK_S
        deaths = self._quick_deaths.get(stage, 0) + 1 if quick else 1
        self._quick_deaths[stage] = deaths
        first_start = stage not in self._ever_served
        if first_start or deaths > MAX_QUICK_DEATHS:
            again = "" if first_start else f" {deaths} times in a row"
            self._screen.say(f"{stage} ended with exit code {code}{again}; the end of {log}:")
            for line in last_lines(log, 10):
                self._screen.say(f"  {line}")
            return False
        pause = min(_FIRST_PAUSE_S * 2.0 ** (deaths - 1), _LONGEST_PAUSE_S)
        self._due[stage] = time.monotonic() + pause
        self._screen.say(f"{stage} ended with exit code {code}; starting it again in {pause:.1f} s (see {log})")
        return True

    def _tell(self) -> None:
        waiting = [stage.name for stage in STAGES if not self._serves(stage.name)]
        up = Up(
            os.getpid(),
            not waiting,
            {
                name: RunningStage(self._addresses[name], child.pid)
                for name, child in self._children.items()
                if name in self._listening
            },
        )
        if up != self._written:
            self._write(up)
        if not waiting and not self._announced:
            self._announced = True
            self._screen.ready(up)
        elif waiting and not self._announced:
            lines = last_lines(log_of(self._plan.home, waiting[0]), 1)
            self._screen.waiting(waiting, lines[0] if lines else "")

    def _write(self, up: Up) -> None:
        try:
            write_up(self._plan.home, up)
        except OSError as error:
            self._written = None
            self._warn(f"cannot write {self._plan.home / UP}: {error.strerror}; the services go on")
        else:
            self._written = up

    def _write_exit(self, exit_codes: dict[str, int]) -> None:
        try:
            write_exit(self._plan.home, exit_codes)
        except OSError as error:
            self._warn(f"cannot write how it ended under {self._plan.home}: {error.strerror}")

    def _warn(self, line: str) -> None:
        if line not in self._warned:
            self._warned.add(line)
            self._screen.warn(line)

    def _serves(self, stage: str) -> bool:
        child = self._children.get(stage)
        return child is not None and child.served and child.code is None

    def _stop(self) -> dict[str, int]:
        """End the stages, the public ones first, each with a time limit; return the exit codes."""
        for stage in reversed(STAGES):
            child = self._children.get(stage.name)
            if child is None:
                continue
            child.terminate()
            if not child.wait_ended(self._plan.grace_s):
                self._screen.say(f"{stage.name} did not end within {self._plan.grace_s:.0f} s: killing it")
                child.kill()
                child.wait_ended(self._plan.grace_s)
            child.kill()  # what it may have left in its session
        return {name: -1 if child.code is None else child.code for name, child in self._children.items()}

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn signals into events, and leave them so: a second Ctrl-C must not interrupt the stopping."""
        # A hang-up that is ignored when we start (nohup) stays ignored.
        caught = [each for each in _SIGNALS if each is not signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
        for each in caught:
            # SimpleQueue.put may be called from a signal handler.
            signal.signal(each, lambda signum, _: self._events.put(Stop(signum)))
        yield
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
