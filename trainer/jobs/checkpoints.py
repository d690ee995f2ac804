"""A job's checkpoints on disk: one file, replaced in one step, at a pace that costs little."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from graft.durable_files import replace_file
from trainer.fitting import checkpoints
from trainer.fitting.checkpoints import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_COST = 50
"""A checkpoint takes at most one part in so many of the time."""

_BEGINNING = "its beginning"
_NAMES = {"code_version": "version of Graft", "fingerprint": "trunk", "snapshot_sha256": "snapshot of the dataset"}
_log = logging.getLogger(__name__)


def place_of(path: Path) -> str:
    """Tell for people where the checkpoint in a file is."""
    try:
        found = _read(path)
    except ValueError:
        return _BEGINNING
    return _BEGINNING if found is None else str(found.state["place"])


def _read(path: Path) -> Checkpoint | None:
    """Return the checkpoint in a file, None if there is no file; raise ValueError if it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError("the checkpoint cannot be read") from error
    return checkpoints.from_bytes(content)


class JobCheckpoints:
    """The checkpoints of one job; `trainer.fitting.checkpoints.Checkpoints` for its fit.

    Args:
        path: the file.
        origin: what the fit depends on beside its recipe: a checkpoint of another origin is not gone on from.
        note: hears where the fit goes on, or why it begins again.
        every_s: seconds between two at least; 0 is as often as a fiftieth of the time allows.
        clock: tells seconds.
    """

    def __init__(
        self,
        path: Path,
        origin: Mapping[str, str],
        note: Callable[[str], None],
        every_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.path, self.origin, self.note, self.every_s, self._clock = path, origin, note, every_s, clock
        self._next = clock() + every_s

    def load(self) -> Checkpoint | None:
        """Return the last checkpoint; None if there is none, and a note if it is damaged or of another origin."""
        try:
            found = _read(self.path)
        except ValueError:
            self.note("begins again at its beginning: its checkpoint is damaged")
            return None
        if found is None:
            return None
        origin, fit = found.state["origin"], found.state["fit"]
        others = [name for key, name in _NAMES.items() if origin.get(key) != self.origin[key]]
        if others:
            self.note(f"begins again at its beginning: its checkpoint is of another {' and another '.join(others)}")
            return None
        return Checkpoint(fit, found.arrays)

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return self._clock() >= self._next

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; if the disk is full the last one stays, and the fit goes on."""
        began = self._clock()
        place = f"step {checkpoint.state['step']} of {checkpoint.state['phase']}"
        self._write(self.path, Checkpoint({"place": place, "fit": dict(checkpoint.state)}, checkpoint.arrays))
        ended = self._clock()
        self._next = ended + max(self.every_s, _COST * (ended - began))

    def resumed(self, place: str) -> None:
        """Note where the fit goes on."""
        self.note(f"goes on from {place}")

    def remember(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document beside the checkpoint; if the disk is full it is not remembered."""
        self._write(self._beside(name), Checkpoint({"document": dict(document)}))

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return a document; None if there is none, if it is damaged, or of another origin."""
        try:
            found = _read(self._beside(name))
        except ValueError:
            return None
        if found is None or found.state["origin"] != self.origin:
            return None
        document: Mapping[str, Any] = found.state["document"]
        return document

    def _beside(self, name: str) -> Path:
        return self.path.with_name(f"{name}.safetensors")

    def _write(self, path: Path, checkpoint: Checkpoint) -> None:
        state = {"origin": dict(self.origin), **checkpoint.state}
        try:
            replace_file(path, checkpoints.to_bytes(Checkpoint(state, checkpoint.arrays)))
        except OSError as error:
            _log.warning("a checkpoint could not be written to %s: %s", path, error)
