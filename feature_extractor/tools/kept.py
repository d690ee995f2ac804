"""What a home keeps of its trunks: the weights files under HOME/weights, and what each must be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.trunks.weights import nsfwjs
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.record import RECORD_NAME, TrunkRecord, sha256_on_record

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
        expected: SHA-256 it must have, 64 hex digits, or the 16 first of it; empty if only the file itself can tell.
        copied: whether it is a copy of a user's file, which nothing can fetch.
        original: that file, if it is on record; empty for others.
    """

    path: Path
    size_bytes: int
    graph: bool
    expected: str
    copied: bool
    original: str


def recorded(home: Path) -> list[Resolution]:
    """What the home's trunks were resolved to, in order; none before the first start.

    Raises:
        FailedPreconditionError: RECORD_UNREADABLE.
    """
    return TrunkRecord(home / "weights" / RECORD_NAME).entries()


def kept_files(folder: Path, known: Sequence[Resolution]) -> list[KeptFile]:
    """The weights files in HOME/weights, by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return [
        _kept_file(path, known)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.endswith((_WEIGHTS_SUFFIX, GRAPH_SUFFIX)) and not path.name.startswith(".")
    ]


def leftovers(folder: Path) -> list[Path]:
    """What killed writers left; never read, and swept at the extractor's next start."""
    return sorted(folder.glob(".*.tmp"))


def _kept_file(path: Path, known: Sequence[Resolution]) -> KeptFile:
    expected = _expected(path.name, known)
    copied = _NAMED_BY_HASH.match(path.name) is not None
    return KeptFile(
        path=path,
        size_bytes=path.stat().st_size,
        graph=path.suffix == GRAPH_SUFFIX,
        expected=expected,
        copied=copied,
        original=next((each.weights for each in known if copied and each.base_sha256 == expected), ""),
    )


def _expected(name: str, known: Sequence[Resolution]) -> str:
    named = _NAMED_BY_HASH.match(name)
    if named:
        return next((each.base_sha256 for each in known if each.base_sha256.startswith(named[1])), named[1])
    if name.startswith("nsfwjs-"):
        return nsfwjs.ARRAYS_SHA256
    return sha256_on_record(known, name.removesuffix(_WEIGHTS_SUFFIX))
