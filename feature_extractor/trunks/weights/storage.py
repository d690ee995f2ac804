"""The weights file kept under the home: Keras 3's own `.weights.h5` layout, written whole or not at all."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py

from feature_extractor.trunks.weights.arrays import weights_sha256
from graft.durable_files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feature_extractor.trunks.weights.arrays import Arrays, ArraySpec

_SHA256 = "sha256"  # an attribute of the file: of the values that were written
_NUMBER = re.compile(r"_\d+$")
_TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp")  # what graft.durable_files writes to, named by the writing process


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array lies in a file: `layers/FOLDER/vars/INDEX`.

    Attributes:
        folder: the layer's class, counted in layer order: `conv2d`, `conv2d_1`, ...
        index: which of the layer's variables.
        variable: that variable's name.
    """

    folder: str
    index: int
    variable: str

    @property
    def key(self) -> str:
        """The path within a Keras 3 weights file."""
        return f"layers/{self.folder}/vars/{self.index}"


def places(specs: Sequence[ArraySpec]) -> list[Place]:
    """The place of each array, `specs` being in the network's layer order.

    A folder's number is the layer's place among its class and not the number in its name: Keras orders layers by
    depth, and names them in the order they were made.
    """
    folders: dict[str, str] = {}
    in_class: Counter[str] = Counter()
    in_layer: Counter[str] = Counter()
    found: list[Place] = []
    for spec in specs:
        if spec.layer not in folders:
            kind = _NUMBER.sub("", spec.layer)
            folders[spec.layer] = numbered(kind, in_class[kind])
            in_class[kind] += 1
        found.append(Place(folders[spec.layer], in_layer[spec.layer], spec.variable))
        in_layer[spec.layer] += 1
    return found


def numbered(kind: str, number: int) -> str:
    """`conv2d` for 0, `conv2d_1` for 1: how Keras numbers."""
    return f"{kind}_{number}" if number else kind


def write_weights(path: Path, arrays: Arrays, specs: Sequence[ArraySpec]) -> None:
    """Keep weights in a file, with the SHA-256 of their values; `specs` in the network's layer order."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs[_SHA256] = weights_sha256(arrays)
        for place, spec in zip(places(specs), specs, strict=True):
            file.create_dataset(place.key, data=arrays[spec.name])
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())


def stored_sha256(path: Path) -> str:
    """The SHA-256 that the values had when they were written; empty in a file that says nothing of it.

    Raises:
        OSError: it is no such file.
    """
    with h5py.File(path, "r") as file:
        return str(file.attrs.get(_SHA256, ""))


def sweep_temporary_files(folder: Path) -> None:
    """Delete what writers left behind that were killed; a weights file is 88 MB.

    For the owner of the home, before it writes: a file under its own process number is an earlier process's, as
    happens where each container counts from 1. A living writer's file stays.
    """
    for path in folder.glob(".*.tmp"):
        named = _TEMPORARY.fullmatch(path.name)
        if named and (int(named[1]) == os.getpid() or not _lives(int(named[1]))):
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True
