"""The workers' processes: refusals, and that none outlives its task or whoever started it. No TensorFlow is loaded."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from trainer.workers.beats import write_beat
from trainer.workers.crew import DistantCrew, LocalCrew
from trainer.workers.endings import PEER_LOST, TASK_GONE, USAGE, described

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.workers.task import Task

_TWO = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 1}}

# Starts the workers of the task in a folder, says their process ids, and waits.
_STARTER = """
import sys, threading
from pathlib import Path
from trainer.workers.crew import LocalCrew
from trainer.workers.task import read_task
folder = Path(sys.argv[1])
with LocalCrew(folder, read_task(folder)) as crew:
    print(*(each.pid for each in crew.processes), flush=True)
    threading.Event().wait()
"""


def _worker(folder: Path, config: object, *flags: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "trainer.workers", str(folder), *flags],
        env={**os.environ, "TF_CONFIG": json.dumps(config)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({**_TWO, "task": {"type": "ps", "index": 0}}, b"only chief and workers train"),
        ({**_TWO, "cluster": {"worker": ["127.0.0.1:1"] * 3}}, b"TF_CONFIG names 3 workers, the job has 2"),
    ],
)
def test_a_worker_that_does_not_fit_says_so(tmp_path: Path, task: Task, config: object, says: bytes) -> None:
    """A TF_CONFIG that is wrong, or not of this job, ends the process with a line and a status of its own."""
    assert task.workers == 2
    worker = _worker(tmp_path / "workers", config)
    _, said = worker.communicate()
    assert worker.returncode == USAGE
    assert says in said


def test_a_worker_without_a_task_gives_up(tmp_path: Path) -> None:
    """A job that never begins does not leave workers behind for ever."""
    worker = _worker(tmp_path, _TWO, "--wait-s", "0")
    _, said = worker.communicate()
    assert worker.returncode == USAGE
    assert b"there is no task in" in said


def test_a_worker_ends_with_its_input(tmp_path: Path) -> None:
    """Whoever started it is gone when the pipe is."""
    worker = _worker(tmp_path, _TWO, "--end-with-input")
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait() == TASK_GONE


def test_workers_end_when_the_trainer_is_killed(tmp_path: Path, task: Task) -> None:
    """A kill -9 of the process that started them leaves none of them."""
    assert task.workers == 2
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(tmp_path / "workers")], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    handles = [os.pidfd_open(int(pid)) for pid in starter.stdout.readline().split()]
    starter.kill()
    starter.wait()
    for handle in handles:
        assert select.select([handle], [], [])[0]  # until the process has ended
        os.close(handle)


def test_the_one_that_was_killed_is_named(tmp_path: Path, task: Task) -> None:
    """Of two workers the crew names the lost one, and how it ended, and ends the other."""
    with LocalCrew(tmp_path / "workers", task) as crew:
        assert crew.lost() is None
        crew.processes[1].send_signal(signal.SIGKILL)
        crew.processes[1].wait()
        pid = crew.processes[1].pid
        assert crew.lost() == f"worker 1 of 2 (process {pid}) was ended by signal 9 (SIGKILL)"
    assert [each.returncode for each in crew.processes] == [TASK_GONE, -signal.SIGKILL]


@dataclass
class _Process:
    """A process that has ended with a status, or runs."""

    pid: int
    status: int | None

    def poll(self) -> int | None:
        """Return its status."""
        return self.status


def _crew(folder: Path, task: Task, now: list[float], *statuses: int | None) -> LocalCrew:
    """Return a crew of such processes, all of which were heard at the beginning."""
    crew = LocalCrew(folder, task, lambda: now[0])
    crew.processes = [_Process(100 + rank, status) for rank, status in enumerate(statuses)]  # type: ignore[misc] # a fake
    for rank in range(task.workers):
        write_beat(folder, rank, task.attempt, "p", 1)
        (folder / f"worker-{rank}.log").touch()
    return crew


def test_one_that_hangs_is_named_and_not_those_who_gave_it_up(tmp_path: Path, task: Task) -> None:
    """TensorFlow ends a worker whose peer does not answer; the crew names the peer."""
    now = [0.0]
    crew = _crew(tmp_path / "workers", task, now, PEER_LOST, None)
    assert crew.lost() is None
    now[0] = 6.0
    assert crew.lost() == "worker 1 of 2 (process 101) does not answer"


def test_a_consequence_alone_is_named_in_the_end(tmp_path: Path, task: Task) -> None:
    """If the other one is well, the one that ended is the lost one."""
    now, folder = [0.0], tmp_path / "workers"
    crew = _crew(folder, task, now, PEER_LOST, None)
    (folder / "worker-0.log").write_text("another worker is gone\n")
    assert crew.lost() is None
    now[0] = 6.0
    write_beat(folder, 1, task.attempt, "p", 2)
    assert crew.lost() == "worker 0 of 2 (process 100) ended with status 75: another worker is gone"


def test_the_cause_is_named_before_its_consequence(tmp_path: Path, task: Task) -> None:
    """Whichever process is looked at first."""
    folder = tmp_path / "workers"
    assert _crew(folder, task, [0.0], PEER_LOST, -9).lost() == (
        "worker 1 of 2 (process 101) was ended by signal 9 (SIGKILL)"
    )


def test_one_that_stops_beating_is_lost(tmp_path: Path, task: Task) -> None:
    """Though its process runs."""
    now = [0.0]
    crew = _crew(tmp_path / "workers", task, now, None, None)
    assert crew.lost() is None
    now[0] = 41.0
    write_beat(tmp_path / "workers", 0, task.attempt, "p", 2)
    assert crew.lost() == "nothing was heard of worker 1 of 2 for 40 s"


def test_workers_elsewhere_must_begin_and_beat(tmp_path: Path, task: Task) -> None:
    """The trainer hears of them by their beats alone."""
    now, folder = [0.0], tmp_path / "workers"
    crew = DistantCrew(folder, task, 100.0, lambda: now[0])
    write_beat(folder, 0, task.attempt, "p", 1)
    assert crew.lost() is None
    now[0] = 39.0
    write_beat(folder, 0, task.attempt, "p", 2)
    assert crew.lost() is None
    now[0] = 78.0
    write_beat(folder, 0, task.attempt, "p", 3)
    assert crew.lost() is None
    now[0] = 101.0
    assert crew.lost() == "worker 1 of 2 did not begin within 100 s"
    write_beat(folder, 1, task.attempt, "p", 1)
    assert crew.lost() is None
    now[0] = 142.0
    assert "nothing was heard of worker" in str(crew.lost())


def test_last_words_tell_how_a_process_ended() -> None:
    """A status is told with the last line of the log."""
    assert described(1, "Traceback\n\nMemoryError: no room\n\n") == "ended with status 1: MemoryError: no room"
    assert described(1, "") == "ended with status 1"
    assert described(-11, "") == "was ended by signal 11 (SIGSEGV)"
