"""A stage's process from start to exit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

STAGE = """
from graft.serving.lifecycle import exit_cleanly_until_ready
exit_cleanly_until_ready()
import asyncio, sys, time
from contextlib import asynccontextmanager
from graft.serving.settings import StageSettings, load_settings
from graft.serving.stage import run_stage

@asynccontextmanager
async def open_stage(server, registry):
    if "{mode}" == "slow":
        print("loading", flush=True)
        await asyncio.to_thread(time.sleep, 600)
    if "{mode}" == "broken":
        from graft.errors import FailedPreconditionError
        raise FailedPreconditionError("the weights are gone; fetch them again")
    if "{mode}" == "no home":
        open("/proc/nowhere/catalog")
    if "{mode}" == "time-out":
        raise TimeoutError
    if "{mode}" == "stuck":
        import graft.serving.stage
        graft.serving.stage._CLOSE_LIMIT_S = 0.1
    print("open", flush=True)
    yield
    if "{mode}" == "stuck":
        try:
            await asyncio.to_thread(time.sleep, 600)
        finally:
            print("unwound", flush=True)
    print("closed", flush=True)

run_stage("stage", load_settings(StageSettings, "stage", ["--listen", "127.0.0.1:0"]), ["graft.v1.X"], open_stage)
"""


def start(mode: str, **options: object) -> subprocess.Popen[str]:
    """Start the scripted stage."""
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return] # options are Popen's own
        [sys.executable, "-c", STAGE.replace("{mode}", mode)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Return the first line of output that holds `wanted`."""
    assert process.stdout
    for line in process.stdout:
        if wanted in line:
            return line
    raise AssertionError(f"{wanted!r} never came: {process.stderr.read() if process.stderr else ''}")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_serving_closes_the_stage_and_exits_0(signum: signal.Signals) -> None:
    """The stage prints its bound address, then closes what it opened."""
    with start("fast") as process:
        assert "stage listening on 127.0.0.1:" in read_until(process, "listening")
        read_until(process, "open")
        process.send_signal(signum)
        read_until(process, "closed")
        assert process.wait(30) == 0


def test_a_signal_while_loading_exits_0_at_once() -> None:
    """A thread that cannot be interrupted does not hold the process."""
    with start("slow") as process:
        read_until(process, "loading")
        process.terminate()
        assert process.wait(30) == 0


def test_a_signal_before_the_first_line_of_code_is_kept_until_it_is_harmless() -> None:
    """Started with the signals blocked, a stage that is told to stop at once exits with 0."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        process = start("slow")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
    with process:
        process.terminate()
        assert process.wait(30) == 0


def test_the_end_of_the_supervisor_stops_a_stage() -> None:
    """When the lifeline's writing end closes, the stage drains and exits with 0."""
    reading, writing = os.pipe()
    with start("fast", env={**os.environ, "GRAFT_LIFELINE_FD": str(reading)}, pass_fds=[reading]) as process:
        os.close(reading)
        read_until(process, "open")
        os.close(writing)
        read_until(process, "closed")
        assert process.wait(30) == 0


def test_a_stage_that_does_not_close_in_time_is_left_and_exits_0() -> None:
    """It is not unwound beside the thread that still closes it; the log says what happened."""
    with start("stuck") as process:
        read_until(process, "open")
        process.terminate()
        output, logged = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "unwound" not in output
    assert "it took too long" in logged


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("broken", "stage: the weights are gone; fetch them again"),
        ("no home", "stage: /proc/nowhere/catalog: No such file or directory"),
        ("time-out", "TimeoutError"),
    ],
)
def test_a_stage_that_cannot_start_says_why_and_exits_1(mode: str, line: str) -> None:
    """One line on standard error, no traceback."""
    with start(mode) as process:
        _, printed = process.communicate(timeout=30)
        assert process.returncode == 1
    assert line in printed
    assert "Traceback" not in printed
