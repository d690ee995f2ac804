"""A worker's thread beside the training: it shows that the worker is alive, and ends it when going on is of no use.

A collective operation waits for all workers without an end. TensorFlow notices a peer whose connection breaks, at once
on one machine; it does not notice one that hangs, or a machine that is cut off. So every worker listens to the others.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from trainer.workers.beats import BEAT_S, LOST_S, Listener, write_beat
from trainer.workers.endings import PEER_LOST, TASK_GONE
from trainer.workers.task import read_task

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.workers.cluster import Place
    from trainer.workers.task import Task


class Attendance:
    """Begins with the worker's first beat; `done` is set when its part of the fit is."""

    def __init__(self, folder: Path, task: Task, place: Place) -> None:
        self._folder, self._task, self._place = folder, task, place
        others = [rank for rank in range(place.count) if rank != place.rank]
        self._others = Listener(folder, task.attempt, others, time.monotonic)
        self.done = threading.Event()

    def begin(self) -> None:
        """Beat from now on, in a thread of its own."""
        threading.Thread(target=self._attend, name="attendance", daemon=True).start()

    def _attend(self) -> None:
        number, process = 0, secrets.token_hex(4)
        pause = threading.Event()
        while True:
            number += 1
            with suppress(OSError):  # a full disk is no reason to end; a folder that is gone is found out below
                write_beat(self._folder, self._place.rank, self._task.attempt, process, number)
            if self._task_is_gone():
                end(0 if self.done.is_set() else TASK_GONE, "the trainer ended this task, or began it again")
            self._others.listen()
            silent = self._others.silent(LOST_S)
            if silent is not None and not self.done.is_set():
                end(PEER_LOST, f"nothing was heard of the worker with rank {silent} for {LOST_S:g} s")
            pause.wait(BEAT_S)

    def _task_is_gone(self) -> bool:
        try:
            task = read_task(self._folder)
        except (OSError, ValueError, TypeError):
            return False  # a shared disk that is away for a moment
        return task is None or task.attempt != self._task.attempt


def end_with_input() -> None:
    """End this process when its standard input does: whoever started it holds the other end, and is gone then."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        end(TASK_GONE, "the trainer is gone, or ends this worker")

    threading.Thread(target=watch, name="input", daemon=True).start()


def end(status: int, words: str = "") -> NoReturn:
    """End the process at once, whatever TensorFlow waits for."""
    if words:
        sys.stderr.write(f"graft worker: {words}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
