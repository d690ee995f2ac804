"""The four services as `graft up` runs them, and the `graft` command as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from processes import marked, new_mark, wait_none_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COMMAND = [sys.executable, "-m", "graft.cli.main"]
STAGES = ("feature_extractor", "trainer", "classifier", "gateway")
SMALL = ("--weights", "random:0", "--layer", "mixed0")
"""An untrained trunk, cut early: quick to load and to run."""


class GraftUp:
    """A `graft up` that was started.

    Attributes:
        process: its process.
        home: its home.
        environment: its environment, with a mark that its services inherit.
    """

    def __init__(self, home: Path, *arguments: str) -> None:
        """Start it on free ports."""
        self.home = home
        self.environment = new_mark()
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--home", str(home), "--port", "0", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read_until(self, wanted: str) -> str:
        """Return the next line that holds `wanted`."""
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.append(line)
            if wanted in line:
                return line
        raise AssertionError(f"{wanted!r} never came; there was {''.join(self._lines)!r}")

    def wait_until_ready(self) -> None:
        """Return once all four serve."""
        self.read_until("Graft is ready")

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return address and process of each service that listens."""
        stages: dict[str, dict[str, Any]] = json.loads((self.home / "up.json").read_text())["stages"]
        return stages

    def address(self, stage: str = "gateway") -> str:
        """Return the address of a service."""
        return str(self.stages()[stage]["address"])

    def kill(self, stage: str) -> None:
        """Kill a service with SIGKILL."""
        os.kill(self.stages()[stage]["pid"], signal.SIGKILL)

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a `graft` command on this home and return how it went."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("GRAFT_")}
        return subprocess.run(
            [*COMMAND, *map(str, arguments), "--home", str(self.home)],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def graft(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run a `graft` command with --json, expect its exit code, and return what it printed."""
        done = self.command(*arguments, "--json")
        assert done.returncode == code, f"graft {arguments[0]} ended with {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def exit_codes(self) -> dict[str, int]:
        """Return how the services ended."""
        codes: dict[str, int] = json.loads((self.home / "up-exit.json").read_text())["exit_codes"]
        return codes

    def destroy(self) -> None:
        """Kill whatever is left of it."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        for pid in marked(self.environment):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_none_left(self.environment)


@contextmanager
def graft_up(home: Path, arguments: Sequence[str]) -> Iterator[GraftUp]:
    """Start the services, yield them once they serve, and at the end see that all of them stop with exit code 0."""
    stack = GraftUp(home, *arguments)
    try:
        stack.wait_until_ready()
        yield stack
        stack.process.terminate()
        assert stack.process.wait(120) == 0
        assert stack.exit_codes() == dict.fromkeys(STAGES, 0)
        assert marked(stack.environment) == []
    finally:
        stack.destroy()
