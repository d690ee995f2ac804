"""Sets of vectors that a benchmark is told on its command line: files, or datasets of a running installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graft.client import Client

if TYPE_CHECKING:
    import argparse

    VectorSet = tuple[np.ndarray, np.ndarray]
    """Vectors float32[n, d] and labels int32[n], 0 to classes - 1."""

DEFAULT_GATEWAY = "127.0.0.1:50050"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the parser take FILE.npz ..., --dataset NAME and --gateway."""
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--gateway", default=DEFAULT_GATEWAY)


def read(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, VectorSet]:
    """Return each set by its name; ends the program if none is named or vectors are missing."""
    sets = {path.stem: _read(path) for path in options.files}
    sets |= {name: _fetched(options.gateway, name) for name in options.dataset}
    if not sets:
        parser.error("name an .npz file with vectors and labels, or a --dataset of a running installation")
    return sets


def _read(path: Path) -> VectorSet:
    given = np.load(path)
    return np.ascontiguousarray(given["vectors"], np.float32), np.ascontiguousarray(given["labels"], np.int32)


def _fetched(gateway: str, dataset: str) -> VectorSet:
    with Client(gateway) as client:
        examples = list(client.examples(dataset))
        found = client.lookup([each.digest for each in examples])
    if found.missing:
        sys.exit(f"{len(found.missing)} pictures of {dataset} have no cached vector: import the folder again")
    names = sorted({each.label for each in examples})
    return found.vectors, np.array([names.index(each.label) for each in examples], np.int32)
