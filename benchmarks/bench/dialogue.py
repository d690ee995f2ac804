"""Workers that stay: a process that is asked for one measurement after another, a line of JSON each way.

Asking the same process again lets two sides be measured in turns (A B A B), so that a drift of the machine meets both.
Workers that are not being asked are held (SIGSTOP): what waits cannot disturb what is measured.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from bench.processes import send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Answerer = Callable[..., dict[str, Any]]


class WorkerError(RuntimeError):
    """A worker ended or could not do what it was asked."""


class Worker:
    """A process that answers; a context that ends it.

    Args:
        command: its command line.
        environment: what to add to this process's environment.
    """

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        self.command = command
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **(environment or {})},
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def begin(self, verb: str, **arguments: Any) -> None:
        """Ask without waiting; `result` waits."""
        stream = self._process.stdin
        if stream is None:
            raise WorkerError("the worker takes no questions")
        try:
            stream.write(json.dumps([verb, arguments]) + "\n")
            stream.flush()
        except BrokenPipeError as error:
            raise WorkerError(f"{self.command} has ended") from error

    def result(self) -> dict[str, Any]:
        """The answer to what was asked last.

        Raises:
            WorkerError: it failed, or it ended.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise WorkerError(f"{' '.join(self.command)} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise WorkerError(answer["failed"])
        return answer

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask and wait."""
        self.begin(verb, **arguments)
        return self.result()

    def close(self) -> None:
        """End it."""
        send(self.pid, signal.SIGCONT)
        self._process.terminate()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def awake(pid: int) -> Iterator[None]:
    """Let a held process and its descendants run, and hold them again."""
    send(pid, signal.SIGCONT)
    try:
        yield
    finally:
        hold(pid)


def hold(pid: int) -> None:
    """Stop a process and its descendants until they are awake again."""
    send(pid, signal.SIGSTOP)


def serve(**verbs: Answerer) -> None:
    """The worker's side: answer until nobody asks any more. Standard output is the dialogue's alone."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for line in sys.stdin:
        verb, arguments = json.loads(line)
        try:
            answer = verbs[verb](**arguments)
        except Exception as error:  # noqa: BLE001 - the one who asked shall know, whatever it was
            answer = {"failed": f"{verb}: {type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()
