"""Programs in processes of their own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from graft.errors import CancelledError, FailedPreconditionError, InternalError
from trainer.export.children import REFUSED, run_child

if TYPE_CHECKING:
    from pathlib import Path


def run(program: str, log: Path, told: str = "", alive: object = lambda: None) -> str:
    """Run a program of Python's."""
    return run_child([sys.executable, "-c", program], told, log=log, threads=1, alive=alive)  # type: ignore[arg-type]


def test_it_is_told_and_its_answer_comes_back(tmp_path: Path) -> None:
    """Also if both are larger than a pipe holds."""
    text = "x" * 300_000
    program = "import sys; text = sys.stdin.read(); print(text * 2)"
    assert run(program, tmp_path / "log", text).strip() == text * 2


def test_threads_of_libraries_are_capped(tmp_path: Path) -> None:
    """And no GPU is seen: the extractor may fill it."""
    program = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['CUDA_VISIBLE_DEVICES'])"
    assert run(program, tmp_path / "log").split() == ["1", "-1"]


def test_an_error_tells_the_last_words(tmp_path: Path) -> None:
    """Of the standard error."""
    with pytest.raises(InternalError, match="ended with 3: so it goes") as error:
        run("import sys; print('so it goes', file=sys.stderr); sys.exit(3)", tmp_path / "log")
    assert error.value.reason == "EXPORT_FAILED"


def test_a_refusal_keeps_its_reason(tmp_path: Path) -> None:
    """Whatever libraries say after it."""
    program = f"import sys; print('{REFUSED}EXPORT_X: it: cannot', 'bye', sep=chr(10), file=sys.stderr); sys.exit(1)"
    with pytest.raises(FailedPreconditionError, match=r"^it: cannot$") as error:
        run(program, tmp_path / "log")
    assert error.value.reason == "EXPORT_X"


def test_when_nobody_waits_it_is_killed(tmp_path: Path) -> None:
    """It is gone when the error comes out."""
    started = tmp_path / "started"
    os.mkfifo(started)
    process = []

    def alive() -> None:
        process.append(int(started.read_text()))
        raise CancelledError("nobody waits")

    program = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(CancelledError):
        run(program, tmp_path / "log", alive=alive)
    with pytest.raises(ProcessLookupError):
        os.kill(process[0], 0)
