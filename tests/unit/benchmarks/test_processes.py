"""What the system tells about processes, and workers that are asked again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.dialogue import Worker, WorkerError, awake, hold
from bench.processes import family, usage

ECHO = """
import sys
sys.path.append(sys.argv[1])
from bench.dialogue import serve
def twice(number):
    print("a library's chatter")
    return {"twice": 2 * number}
serve(twice=twice)
"""


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    """The command of a worker that doubles numbers."""
    path = tmp_path / "worker.py"
    path.write_text(ECHO)
    return [sys.executable, str(path), str(Path(__file__).parents[3] / "benchmarks")]


def test_a_process_uses_memory_files_and_threads() -> None:
    """This very process is told with its own memory within the whole, an open file more once one is opened."""
    before = usage(os.getpid())
    with Path(__file__).open():
        after = usage(os.getpid())
    assert 0 < before.own_bytes <= before.memory_bytes
    assert after.files == before.files + 1
    assert before.threads >= 1


def test_a_family_holds_children_of_children() -> None:
    """A child's child belongs to the process as well, and an ended one does not."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout  # stdout=PIPE above
    child.stdout.readline()  # the grandchild is there
    assert len(family(child.pid)) == 2
    child.communicate(b"\n")
    assert child.pid not in family(os.getpid())


def test_a_worker_answers_again_and_again_whatever_libraries_print(script: list[str]) -> None:
    """Chatter on standard output does not get between the answers."""
    with Worker(*script) as worker:
        assert [worker.ask("twice", number=each)["twice"] for each in (1, 21)] == [2, 42]


def test_a_held_worker_answers_once_it_is_awake(script: list[str]) -> None:
    """Between measurements a worker is stopped; awake it goes on where it was."""
    with Worker(*script) as worker:
        hold(worker.pid)
        with awake(worker.pid):
            assert worker.ask("twice", number=4) == {"twice": 8}


def test_a_worker_that_cannot_answer_says_why(script: list[str]) -> None:
    """An exception in the worker reaches the one who asked, and the worker goes on."""
    with Worker(*script) as worker:
        with pytest.raises(WorkerError, match="KeyError"):
            worker.ask("thrice")
        assert worker.ask("twice", number=1) == {"twice": 2}
