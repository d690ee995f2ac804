"""Checkpoints of jobs that failed because a worker was lost, for the next job that does the same.

A job's folder goes when the job ends. Its checkpoint is moved to HOME/jobs/lost/KEY.safetensors before, where KEY is of
all that a checkpoint depends on: recipe, trunk, snapshot of the dataset, version of Graft.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEPT: Final = 5
"""How many are kept: the newest."""


class LostCheckpoints:
    """Those checkpoints, in a directory of theirs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, checkpoint: Path, recipe: Mapping[str, Any], origin: Mapping[str, str]) -> bool:
        """Move a job's checkpoint here; return whether there was one.

        Raises:
            OSError: it cannot be moved.
        """
        if not checkpoint.exists():
            return False
        self._directory.mkdir(parents=True, exist_ok=True)
        checkpoint.replace(self._path(recipe, origin))
        kept = sorted(self._directory.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-KEPT]:
            path.unlink(missing_ok=True)
        return True

    def give_back(self, checkpoint: Path, recipe: Mapping[str, Any], origin: Mapping[str, str]) -> bool:
        """Move a checkpoint that fits to where a job looks for its own, if it has none; return whether one was."""
        if checkpoint.exists():
            return False
        try:
            self._path(recipe, origin).replace(checkpoint)
        except FileNotFoundError:
            return False
        return True

    def _path(self, recipe: Mapping[str, Any], origin: Mapping[str, str]) -> Path:
        told = json.dumps([dict(recipe), dict(origin)], sort_keys=True)
        return self._directory / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.safetensors"
