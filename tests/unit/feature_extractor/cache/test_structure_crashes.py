"""A damaged file in use: a clear error or a missing entry; never a wrong vector, never a crash."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from damaged_caches import chance_of, damaged, run

if TYPE_CHECKING:
    from pathlib import Path

# Files that are damaged and used; each in a process of its own.
DAMAGED_FILES = int(os.environ.get("GRAFT_DAMAGED_FILES", "12"))


@pytest.mark.parametrize("seed", range(DAMAGED_FILES))
def test_a_damaged_file_crashes_nobody_and_gives_no_wrong_answer(filled: Path, tmp_path: Path, seed: int) -> None:
    """Whatever is done with a damaged file ends with an answer or a clear error, in a process that lives."""
    directory = tmp_path / "cache"
    shutil.copytree(filled, directory)
    data = directory / "data.mdb"
    data.write_bytes(damaged(data.read_bytes(), chance_of(seed)))
    done = run("use", directory)
    assert done.returncode == 0, f"{done.stdout} {done.stderr}"
