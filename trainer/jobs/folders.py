"""HOME/jobs/NUMBER: what a job needs to go on after the trainer ended in its middle, and event files for TensorBoard.

    snapshot.safetensors     the dataset as it was when the job began
    checkpoint.safetensors   where the fit was
    search.safetensors       what recipe `auto` found
    tensorboard/             if asked for; the only thing that outlives the job

The files have the format of `trainer.fitting.checkpoints` and replace what was there in one step.
"""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.durable_files import replace_file
from trainer.datasets.snapshots import Snapshot
from trainer.datasets.split import Part
from trainer.fitting import checkpoints
from trainer.fitting.checkpoints import Checkpoint
from trainer.fitting.event_files import event_files
from trainer.jobs.checkpoints import JobCheckpoints, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trainer.jobs.progress import Progress

SNAPSHOT_FILE = "snapshot.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"
TENSORBOARD = "tensorboard"

KEPT_EVENT_FILES = 50
"""Ended jobs whose event files are kept: the newest."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """What all folders have in common.

    Attributes:
        code_version: of Graft; another one's checkpoints are not gone on from.
        every_s: seconds of fitting between two checkpoints at least.
        tensorboard: whether jobs write event files.
        clock: tells seconds.
    """

    code_version: str
    every_s: float = 2.0
    tensorboard: bool = False
    clock: Callable[[], float] = time.monotonic


class JobFolder:
    """The folder of one job; it need not be there yet."""

    def __init__(self, path: Path, settings: FolderSettings) -> None:
        self.path, self._settings = path, settings

    def keep(self, snapshot: Snapshot) -> None:
        """Keep the snapshot that the job begins with, in place of whatever is there."""
        arrays = {str(part): rows for part, rows in snapshot.parts.items()}
        arrays["label_rows"] = snapshot.label_rows
        digests = np.frombuffer(b"".join(snapshot.digests), np.uint8).reshape(-1, 32)
        state = {"labels": list(snapshot.labels), "sha256": snapshot.sha256.hex()}
        content = checkpoints.to_bytes(Checkpoint(state, {**arrays, "digests": digests}))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            replace_file(self.path / SNAPSHOT_FILE, content)
        except OSError as error:  # the disk is full: the job goes on, and would begin again after a kill
            _log.warning("a snapshot could not be kept in %s: %s", self.path, error)

    def snapshot(self) -> Snapshot | None:
        """Return the snapshot that the job began with; None if it did not get so far, or the file is damaged."""
        try:
            kept = checkpoints.from_bytes((self.path / SNAPSHOT_FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return Snapshot(
            tuple(digest.tobytes() for digest in kept.arrays["digests"]),
            tuple(kept.state["labels"]),
            kept.arrays["label_rows"],
            {part: kept.arrays[str(part)] for part in Part},
            bytes.fromhex(kept.state["sha256"]),
        )

    def checkpoints(self, fingerprint: bytes, snapshot: Snapshot, note: Callable[[str], None]) -> JobCheckpoints:
        """Return the checkpoints of a fit to vectors of this fingerprint; `note` hears where it goes on, or why not."""
        origin = {
            "code_version": self._settings.code_version,
            "fingerprint": fingerprint.hex(),
            "snapshot_sha256": snapshot.sha256.hex(),
        }
        settings = self._settings
        return JobCheckpoints(self.path / CHECKPOINT_FILE, origin, note, settings.every_s, settings.clock)

    def place(self) -> str:
        """Tell for people where the job would go on."""
        return place_of(self.path / CHECKPOINT_FILE)

    def recorded(self, report: Callable[[Progress], None]) -> AbstractContextManager[Callable[[Progress], None]]:
        """Give a `report` that writes event files too, if that is asked for; a context around the fit."""
        return event_files(self.path / TENSORBOARD, report) if self._settings.tensorboard else nullcontext(report)


class JobFolders:
    """The folders of all jobs.

    Args:
        root: the directory for them.
        settings: what they have in common.
    """

    def __init__(self, root: Path, settings: FolderSettings) -> None:
        self._root, self._settings = root, settings

    def open(self, number: int) -> JobFolder:
        """Return the folder of a job."""
        return JobFolder(self._root / str(number), self._settings)

    def end(self, number: int) -> None:
        """Remove what a job that has ended does not need any more, and the event files of the oldest jobs."""
        try:
            self._strip(self._root / str(number))
            self._forget(keep=set())
        except OSError as error:  # the next start removes it
            _log.warning("what job-%d left could not be removed: %s", number, error)

    def recover(self, unfinished: Collection[int]) -> None:
        """Remove what ended jobs and killed processes left, while nothing runs."""
        for number in list(self._numbers()):
            path = self._root / str(number)
            if number not in unfinished:
                self._strip(path)
            else:
                for leftover in path.glob(".*.tmp"):
                    leftover.unlink()
        self._forget(keep=unfinished)

    def _strip(self, path: Path) -> None:
        if not (path / TENSORBOARD).is_dir():
            shutil.rmtree(path, ignore_errors=True)
            return
        for each in path.iterdir():
            if each.name != TENSORBOARD:
                each.unlink()

    def _forget(self, keep: Collection[int]) -> None:
        """Remove the oldest folders of event files alone."""
        stripped = [
            number
            for number in sorted(self._numbers())
            if number not in keep and not (self._root / str(number) / SNAPSHOT_FILE).exists()
        ]
        for number in stripped[:-KEPT_EVENT_FILES]:
            shutil.rmtree(self._root / str(number), ignore_errors=True)

    def _numbers(self) -> Iterator[int]:
        for path in self._root.glob("*"):
            if path.name.isascii() and path.name.isdigit():
                yield int(path.name)
