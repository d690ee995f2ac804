"""A frozen graph's file: read once, identified by its SHA-256, kept under the home. What is in it is no matter here."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graft.durable_files import replace_file
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".pb"
_KEPT_HEX = 16  # 64 bits of a SHA-256 tell apart the few files that one home ever sees
_MAX_FILE_BYTES = 2**31 - 1  # protobuf's own limit of a message


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A frozen GraphDef as it was read.

    Attributes:
        path: the file: the user's own, or the copy of it.
        content: its bytes. What is opened and kept is made of these, whatever the file has become.
        sha256: of those bytes, 64 hexadecimal digits.
    """

    path: Path
    content: bytes = field(repr=False)
    sha256: str


def find_graph(path: Path, folder: Path, recorded: str) -> GraphFile:
    """The file itself while it is there, the copy kept in `folder` when it has gone.

    `recorded` is the SHA-256 an earlier start saw, empty at the first; whether the file still has it is for the caller
    to say, of a copy it is checked here.

    Raises:
        FailedPreconditionError: WEIGHTS_MISSING, WEIGHTS_UNREADABLE, or GRAPH_UNREADABLE for what is no file, or larger
            than a GraphDef can be.
        DataLossError: WEIGHTS_DAMAGED, the copy is not what was put there.
    """
    kept = kept_graph(folder, recorded)
    if path.exists() or not recorded or not kept.is_file():
        return _read(path)
    found = _read(kept)
    if found.sha256 != recorded:
        raise DataLossError(
            f"{kept} is no longer the graph that was put there; restore it from a copy, or put {path} back, which is "
            "then copied anew",
            reason="WEIGHTS_DAMAGED",
        )
    return found


def keep_graph(graph: GraphFile, folder: Path) -> None:
    """Copy the file into `folder`, so that the home goes on without it; a copy that is no longer whole is replaced."""
    kept = kept_graph(folder, graph.sha256)
    if graph.path == kept or (kept.is_file() and _sha256(kept.read_bytes()) == graph.sha256):
        return
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(kept, graph.content)


def kept_graph(folder: Path, sha256: str) -> Path:
    """Where the copy of a graph lies."""
    return folder / f"graph-{sha256[:_KEPT_HEX]}{SUFFIX}"


def read_graph_file(path: Path) -> bytes:
    """The bytes of a regular file that is not larger than a GraphDef can be; a pipe is not waited for.

    Raises:
        OSError: it is not there, or cannot be read.
        FailedPreconditionError: GRAPH_UNREADABLE.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise unreadable_graph(path, "it is not a regular file")
        if facts.st_size > _MAX_FILE_BYTES:
            raise unreadable_graph(
                path, f"it has {facts.st_size:,} bytes, more than the {_MAX_FILE_BYTES:,} a GraphDef can have"
            )
        content = file.read(facts.st_size + 1)
    if len(content) != facts.st_size:
        raise unreadable_graph(path, "it is being written to")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Opening a pipe would else wait for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def unreadable_graph(path: Path | str, why: str) -> FailedPreconditionError:
    """The error for what is no frozen graph."""
    return FailedPreconditionError(f"{path} cannot be used as a frozen graph: {why}", reason="GRAPH_UNREADABLE")


def _read(path: Path) -> GraphFile:
    try:
        content = read_graph_file(path)
    except FileNotFoundError as error:
        raise FailedPreconditionError(f"there is no graph file {path}", reason="WEIGHTS_MISSING") from error
    except OSError as error:
        raise FailedPreconditionError(f"{path} cannot be read: {error}", reason="WEIGHTS_UNREADABLE") from error
    return GraphFile(path, content, _sha256(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
