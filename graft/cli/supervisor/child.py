"""One stage's process: started so that no signal meant for us hits it and it cannot outlive us; watched by threads."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

import grpc
from google.protobuf import wrappers_pb2

from graft.channels import open_sync_channel
from graft.client.stubs import stubs_of

if TYPE_CHECKING:
    from queue import SimpleQueue

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LIFELINE: Final = "GRAFT_LIFELINE_FD"
_LISTENING: Final = " listening on "
_HEALTH_PAUSE_S: Final = 0.1
_SERVING: Final = 1  # grpc.health.v1.HealthCheckResponse.ServingStatus


@dataclass(frozen=True, slots=True)
class Listening:
    """A child has bound its address."""

    child: Child
    address: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A child's health says SERVING."""

    child: Child


@dataclass(frozen=True, slots=True)
class Ended:
    """A child's process has ended."""

    child: Child


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants us to stop."""

    signum: int


Event: TypeAlias = Listening | Serving | Ended | Stop


class Child:
    """A stage's process.

    Attributes:
        stage: the stage's name.
        pid: its process.
        code: its exit code, negative for a signal; None while it runs.
        served: whether it has ever been SERVING.
        started: when, in seconds of time.monotonic().
    """

    def __init__(
        self,
        stage: str,
        command: list[str],
        environment: dict[str, str],
        log: IO[bytes],
        lifeline: int,
        events: SimpleQueue[Event],
    ) -> None:
        """Start the process, whose output goes to `log`, which is closed here.

        `lifeline` is the reading end of a pipe whose writing end we alone hold, and never use.

        Raises:
            OSError: there is no process.
        """
        self.stage = stage
        self.code: int | None = None
        self.served = False
        self.started = time.monotonic()
        self._events = events
        self._gone = threading.Event()
        # Blocked signals stay blocked over exec: none can end the child before it has its handlers, which unblock
        # them. A session of its own keeps the terminal's Ctrl-C from it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this project
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**environment, LIFELINE: str(lifeline)},
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        except BaseException:
            log.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.pid = self._process.pid
        threading.Thread(target=self._wait, daemon=True).start()
        threading.Thread(target=self._read, args=(log,), daemon=True).start()

    def watch_health(self, address: str) -> None:
        """Report Serving once the health at `address` says so."""
        threading.Thread(target=self._ask_health, args=(address,), daemon=True).start()

    def terminate(self) -> None:
        """Ask the process to end."""
        if not self._gone.is_set():
            self._process.send_signal(signal.SIGTERM)

    def wait_ended(self, limit_s: float) -> bool:
        """Return whether the process has ended, after `limit_s` seconds at most."""
        return self._gone.wait(limit_s)

    def kill(self) -> None:
        """Kill the process, and whatever it has started and left in its session."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # nobody is left

    def _wait(self) -> None:
        self.code = self._process.wait()
        self._gone.set()
        self._events.put(Ended(self))

    def _read(self, log: IO[bytes]) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - PIPE above
        with log, stdout:
            for raw in stdout:
                line = raw.decode(errors="replace").rstrip()
                if line.startswith(f"{self.stage}{_LISTENING}"):
                    self._events.put(Listening(self, line.rsplit(" ", 1)[-1]))
                # On a full disk the line is lost; the child must still find a reader.
                with suppress(OSError):
                    log.write(raw)

    def _ask_health(self, address: str) -> None:
        with open_sync_channel(address) as channel:
            check: Any = stubs_of(channel)["Health"].Check
            while not self._gone.wait(_HEALTH_PAUSE_S):
                try:
                    if check(wrappers_pb2.StringValue(), timeout=5).value == _SERVING:
                        self._events.put(Serving(self))
                        return
                except grpc.RpcError:
                    continue  # too busy to answer, or gone: the loop ends with the process
