"""Checkpoints of a fit: all that it needs to go on where it was, as one file that tells whether it is whole.

A checkpoint is a safetensors file: the arrays, and in its metadata `state`, a JSON object of what is not an array, and
`sha256` over both. No code is ever loaded from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import safetensors
import safetensors.numpy

if TYPE_CHECKING:
    from collections.abc import Mapping

    Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Where a fit was.

    Attributes:
        state: what JSON can tell: phase, step, history …; floats come back bit for bit.
        arrays: weights and the optimiser's moments, by name.
    """

    state: Mapping[str, Any]
    arrays: Arrays = field(default_factory=dict)


class Checkpoints(Protocol):
    """Where a fit leaves its checkpoints and finds the last one."""

    def load(self) -> Checkpoint | None:
        """Return the last checkpoint; None to begin at the beginning."""
        ...

    def due(self) -> bool:
        """Whether it is time for the next one."""
        ...

    def save(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint in the place of the last one."""
        ...

    def resumed(self, place: str) -> None:
        """Hear where a fit goes on, for people."""
        ...

    def remember(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep what a part of the fit found, for JSON, so that it need not be found again, and not otherwise."""
        ...

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return what was remembered under this name; None if nothing was."""
        ...


class NoCheckpoints:
    """For a fit that nobody would resume."""

    def load(self) -> None:
        """Return None: there is nothing to go on from."""

    def due(self) -> bool:
        """Return False."""
        return False

    def save(self, checkpoint: Checkpoint) -> None:
        """Drop it."""

    def resumed(self, place: str) -> None:
        """Hear nothing."""

    def remember(self, name: str, document: Mapping[str, Any]) -> None:
        """Drop it."""

    def recall(self, name: str) -> None:
        """Return None: nothing is remembered."""


NO_CHECKPOINTS: Final = NoCheckpoints()


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """Return the file of a checkpoint."""
    arrays = {name: np.ascontiguousarray(array) for name, array in checkpoint.arrays.items()}
    state = json.dumps(checkpoint.state, ensure_ascii=False)
    return bytes(safetensors.numpy.save(arrays, {"state": state, "sha256": _sha256(state, arrays)}))


def from_bytes(content: bytes) -> Checkpoint:
    """Return the checkpoint in a file.

    Raises:
        ValueError: it is not what was written.
    """
    try:
        arrays = safetensors.numpy.load(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        state = metadata["state"]
        whole = metadata["sha256"] == _sha256(state, arrays)
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError("the checkpoint is no such file") from error
    if not whole:
        raise ValueError("the checkpoint is damaged")
    return Checkpoint(json.loads(state), arrays)


def _sha256(state: str, arrays: Arrays) -> str:
    total = hashlib.sha256(state.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\0{name}\0{array.dtype}\0{array.shape}\0".encode())
        total.update(array.data)
    return total.hexdigest()
