"""`python -m trainer.workers FOLDER`: one worker of a training job; TF_CONFIG in its environment says which.

The trainer starts workers on its own machine by itself. Elsewhere (a TFJob of Kubeflow) they are started like this with
the folder of the job on a shared disk: HOME/jobs/NUMBER/workers.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError
from trainer.workers.attendance import Attendance, end, end_with_input
from trainer.workers.cluster import place_of
from trainer.workers.endings import PEER_LOST, REFUSED, USAGE
from trainer.workers.events import Told
from trainer.workers.fitted import write_fitted
from trainer.workers.task import fitted_file, read_task
from trainer.workers.training import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.workers.cluster import Place
    from trainer.workers.task import Task

_LOOK_S = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the worker's part and end the process."""
    given = arguments_of(arguments)
    if given.end_with_input:
        end_with_input()
    try:
        place = place_of(os.environ.get("TF_CONFIG", ""))
    except ValueError as error:
        end(USAGE, str(error))
    task = _await_task(given.folder, given.wait_s)
    if task is None:
        end(USAGE, f"there is no task in {given.folder} after {given.wait_s:g} s")
    if task.workers != place.count:
        end(USAGE, f"TF_CONFIG names {place.count} workers, the job has {task.workers}")
    attendance = Attendance(given.folder, task, place)
    attendance.begin()
    _work(given.folder, task, place)
    attendance.done.set()
    if not place.chief:  # the chief may still need this process as a peer
        threading.Event().wait()
    end(0)


def _work(folder: Path, task: Task, place: Place) -> None:
    told = Told(folder, task.attempt)
    try:
        if place.chief:
            fitted = train(
                folder,
                task,
                place,
                lambda progress: told.tell("progress", progress.to_dict()),
                lambda text: told.tell("note", text),
            )
            write_fitted(fitted_file(folder, task), fitted)
            told.tell("fitted", content=True)
        else:
            train(folder, task, place, lambda _: None, lambda _: None)
    except GraftError as error:
        if place.chief:
            told.tell("refused", {"reason": error.reason, "message": error.message, "code": int(error.code)})
        end(REFUSED, error.message)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is told and the process ends
        traceback.print_exc()
        if _of_a_peer(error):
            end(PEER_LOST, f"another worker is gone or does not answer ({type(error).__name__})")
        end(1, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _of_a_peer(error: Exception) -> bool:
    """Return whether a collective operation failed because another worker is gone."""
    import tensorflow as tf

    gone = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    )
    return isinstance(error, gone)


def _await_task(folder: Path, wait_s: float) -> Task | None:
    """Return the task in the folder, waiting for it; None if it does not come."""
    pause = threading.Event()
    until = time.monotonic() + wait_s
    while (task := read_task(folder)) is None and time.monotonic() < until:
        pause.wait(_LOOK_S)
    return task


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return `folder`, `wait_s` and `end_with_input`; None takes the process's own arguments."""
    parser = argparse.ArgumentParser(prog="python -m trainer.workers", description=__doc__)
    parser.add_argument("folder", type=Path, help="HOME/jobs/NUMBER/workers, as this machine sees it")
    parser.add_argument("--wait-s", type=float, default=600.0, help="seconds to wait for the job to begin (600)")
    parser.add_argument("--end-with-input", action="store_true", help="end when the standard input does")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
