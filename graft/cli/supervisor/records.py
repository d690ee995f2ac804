"""What `graft up` leaves under the home for others: a lock, who runs where, and how it ended."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from graft.cli.file_errors import writing
from graft.durable_files import replace_file
from graft.owner_lock import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

UP: Final = "up.json"
UP_EXIT: Final = "up-exit.json"
LOCK: Final = "up.lock"


@dataclass(frozen=True, slots=True)
class RunningStage:
    """A stage's address, host:port, and its process."""

    address: str
    pid: int


@dataclass(frozen=True, slots=True)
class Up:
    """A running `graft up`.

    Attributes:
        pid: its process.
        ready: whether all four serve.
        stages: those that listen, by name.
    """

    pid: int
    ready: bool
    stages: Mapping[str, RunningStage] = field(default_factory=dict)

    def address_of(self, stage: str) -> str:
        """Return a stage's address, empty if it does not listen."""
        found = self.stages.get(stage)
        return found.address if found else ""


def write_up(home: Path, up: Up) -> None:
    """Write HOME/up.json."""
    _write_json(home / UP, asdict(up))


def read_up(home: Path) -> Up | None:
    """Return what runs under the home; None if nothing does, also after a kill that left the file behind."""
    try:
        read = json.loads((home / UP).read_text())
        os.kill(read["pid"], 0)
        stages = {name: RunningStage(**stage) for name, stage in read["stages"].items()}
        return Up(read["pid"], read["ready"], stages)
    except PermissionError:  # another user's process: its file is not for us
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_exit(home: Path, exit_codes: Mapping[str, int]) -> None:
    """Take HOME/up.json away, and write HOME/up-exit.json, each also if the other cannot be done."""
    try:
        (home / UP).unlink(missing_ok=True)
    finally:
        _write_json(home / UP_EXIT, {"exit_codes": dict(exit_codes)})


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home for one `graft up`; the lock goes with the process, however it ends.

    Raises:
        FailedPreconditionError: another one holds it, or it cannot be written.
    """
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock(home / LOCK, "HOME_IN_USE")
    try:
        for stale in (UP, UP_EXIT):
            with writing(home / stale):
                (home / stale).unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _write_json(path: Path, value: Any) -> None:
    replace_file(path, (json.dumps(value, indent=2) + "\n").encode())
