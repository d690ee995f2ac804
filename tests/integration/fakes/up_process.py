"""A `graft up` with four small stages in the place of the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
STAGES = ["feature_extractor", "trainer", "classifier", "gateway"]

STAGE = """
from graft.serving.lifecycle import exit_cleanly_until_ready
exit_cleanly_until_ready()
import asyncio, json, os, signal, sys
from contextlib import asynccontextmanager
from pathlib import Path
from graft.serving.settings import StageSettings, load_settings
from graft.serving.stage import run_stage

NAME = Path(__file__).stem
MODE = os.environ.get("FAKE_" + NAME.upper(), "")

class Settings(StageSettings):
    extractor: str = ""
    trainer: str = ""
    classifier: str = ""
    weights: str = ""
    layer: str = ""
    precision: str = ""

settings = load_settings(Settings, NAME)
if MODE == "broken":
    sys.stderr.write("the weights are gone; fetch them again\\n")
    sys.exit(3)
if MODE == "stubborn":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

@asynccontextmanager
async def open_stage(server, registry):
    (settings.home / (NAME + ".args")).write_text(json.dumps(sys.argv[1:]))
    if MODE == "slow":
        await asyncio.Event().wait()
    yield
    with (settings.home / "stopped").open("a") as file:
        file.write(NAME + "\\n")

run_stage(NAME, settings, ["graft.v1.X"], open_stage)
"""


class Running:
    """A `graft up` that was started."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process = process
        self.home = home
        self.lines: list[str] = []

    def read_until(self, wanted: str) -> str:
        """Return the first line that holds `wanted`."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if wanted in line:
                return line
        raise AssertionError(f"{wanted!r} never came; there was {''.join(self.lines)!r}")

    def up(self) -> dict[str, Any]:
        """Return HOME/up.json."""
        read: dict[str, Any] = json.loads((self.home / "up.json").read_text())
        return read

    def exit_codes(self) -> dict[str, int]:
        """Return the codes of HOME/up-exit.json."""
        codes: dict[str, int] = json.loads((self.home / "up-exit.json").read_text())["exit_codes"]
        return codes


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., Running]]:
    """Yield a start of `graft up` with fake stages and a home in the folder; each is killed at the end."""
    modules = folder / "modules"
    modules.mkdir()
    for name in STAGES:
        (modules / f"{name}.py").write_text(STAGE)
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, modes: dict[str, str] | None = None) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "graft.cli.main", "up", "--home", str(folder / "home"), "--port", "0", *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(modules),
                **{f"FAKE_{k.upper()}": v for k, v in (modes or {}).items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return Running(process, folder / "home")

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()
