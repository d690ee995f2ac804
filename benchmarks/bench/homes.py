"""Homes for what is measured: empty but for the network's weights, which are kept from run to run."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RECORD = "resolved.json"


def new_home(parent: Path, name: str, weights: Path) -> Path:
    """A home with the weights kept in a folder, without the record of what they were resolved to."""
    home = parent / name
    (home / "weights").mkdir(parents=True)
    if weights.exists():
        for path in weights.iterdir():
            if path.name != _RECORD:
                os.link(path, home / "weights" / path.name)
    return home


def copy_home(home: Path, name: str) -> Path:
    """Another home beside it, with the same weights and trunks; files are shared, never written in place."""
    other = home.with_name(name)
    shutil.copytree(home, other, copy_function=os.link, ignore=shutil.ignore_patterns("cache", "*.log"))
    return other


def keep_weights(home: Path, weights: Path) -> None:
    """Keep what was fetched for the next run."""
    if not weights.exists():
        shutil.copytree(home / "weights", weights, ignore=shutil.ignore_patterns(_RECORD))
