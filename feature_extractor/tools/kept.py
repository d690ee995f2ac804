"""What a home keeps of its trunks: the weights files under HOME/weights, and what each must be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.trunks.weights import nsfwjs
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.record import RECORD_NAME, TrunkRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feature_extractor.trunks.weights.record import Resolution

_WEIGHTS_SUFFIX = ".weights.h5"
_NAMED_BY_HASH = re.compile(r"(?:file|graph)-([0-9a-f]{16})\.")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A weights file of the home.

    Attributes:
        path: the file.
        size_bytes: its length.
        graph: whether it is a frozen graph, identified by its bytes; else Keras weights, identified by their values.
        expected: SHA-256 it must have, 64 hex digits, or the 16 first of it; empty if nothing says.
    """

    path: Path
    size_bytes: int
    graph: bool
    expected: str


def recorded(home: Path) -> list[Resolution]:
    """What the home's trunks were resolved to, in order; none before the first start.

    Raises:
        FailedPreconditionError: RECORD_UNREADABLE.
    """
    return TrunkRecord(home / "weights" / RECORD_NAME).entries()


def base_sha256(resolution: Resolution) -> str:
    """SHA-256 of the weights that the home keeps for a trunk: of an 8-bit one, those it was made from."""
    return resolution.quantised_from or resolution.identity.weights_sha256


def kept_files(folder: Path, known: Sequence[Resolution]) -> list[KeptFile]:
    """The weights files in HOME/weights, by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return [
        KeptFile(path, path.stat().st_size, path.suffix == GRAPH_SUFFIX, _expected(path.name, known))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.endswith((_WEIGHTS_SUFFIX, GRAPH_SUFFIX)) and not path.name.startswith(".")
    ]


def leftovers(folder: Path) -> list[Path]:
    """What killed writers left; never read, and swept at the extractor's next start."""
    return sorted(folder.glob(".*.tmp"))


def _expected(name: str, known: Sequence[Resolution]) -> str:
    named = _NAMED_BY_HASH.match(name)
    if named:
        return next((base_sha256(each) for each in known if base_sha256(each).startswith(named[1])), named[1])
    if name.startswith("nsfwjs-"):
        return nsfwjs.ARRAYS_SHA256
    return next((base_sha256(each) for each in known if name == f"{each.weights}{_WEIGHTS_SUFFIX}"), "")
