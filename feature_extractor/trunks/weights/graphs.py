"""A frozen graph's file: found, checked by its SHA-256, and kept under the home. What is in it is no matter here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.durable_files import replace_file
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".pb"
_KEPT_HEX = 16  # 64 bits of a SHA-256 tell apart the few files that one home ever sees


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A frozen GraphDef.

    Attributes:
        path: the file whose bytes these are: the user's own, or the copy of it.
        sha256: of those bytes, 64 hexadecimal digits.
    """

    path: Path
    sha256: str


def find_graph(path: Path, folder: Path, recorded: str) -> GraphFile:
    """The file itself while it is there, the copy kept in `folder` when it has gone.

    `recorded` is the SHA-256 an earlier start saw, empty at the first; whether the file still has it is for the caller
    to say, of a copy it is checked here.

    Raises:
        FailedPreconditionError: WEIGHTS_MISSING, WEIGHTS_UNREADABLE.
        DataLossError: WEIGHTS_DAMAGED, the copy is not what was put there.
    """
    kept = kept_graph(folder, recorded)
    if path.is_file() or not recorded or not kept.is_file():
        return GraphFile(path, hashlib.sha256(_read(path)).hexdigest())
    found = hashlib.sha256(_read(kept)).hexdigest()
    if found != recorded:
        raise DataLossError(
            f"{kept} is no longer the graph that was put there; delete it, and put {path} back",
            reason="WEIGHTS_DAMAGED",
        )
    return GraphFile(kept, found)


def keep_graph(graph: GraphFile, folder: Path) -> None:
    """Copy the file into `folder`, so that the home goes on without it.

    Raises:
        FailedPreconditionError: WEIGHTS_CHANGED, the file is another one by now.
    """
    kept = kept_graph(folder, graph.sha256)
    if kept.exists():
        return
    content = _read(graph.path)
    if hashlib.sha256(content).hexdigest() != graph.sha256:
        raise FailedPreconditionError(
            f"{graph.path} was changed while it was loaded; start again", reason="WEIGHTS_CHANGED"
        )
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(kept, content)


def kept_graph(folder: Path, sha256: str) -> Path:
    """Where the copy of a graph lies."""
    return folder / f"graph-{sha256[:_KEPT_HEX]}{SUFFIX}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FailedPreconditionError(f"there is no graph file {path}", reason="WEIGHTS_MISSING") from error
    except OSError as error:
        raise FailedPreconditionError(f"{path} cannot be read: {error}", reason="WEIGHTS_UNREADABLE") from error
