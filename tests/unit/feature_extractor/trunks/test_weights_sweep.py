"""Temporary files of killed writers are swept from the weights folder; all else stays."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from feature_extractor.trunks.weights.storage import sweep_temporary_files
from graft.durable_files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
import graft.durable_files as files

def write_synced(path, content):
    path.write_bytes(content[:10])
    os.kill(os.getpid(), signal.SIGKILL)

files.write_synced = write_synced
files.replace_file(Path(sys.argv[1]), b"x" * 100)
"""


def test_what_a_killed_writer_left_is_deleted(tmp_path: Path) -> None:
    """The half file of a process killed in the midst of writing goes; the file it was to replace stays."""
    weights = tmp_path / "my.weights.h5"
    replace_file(weights, b"old")
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(weights)], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    sweep_temporary_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["my.weights.h5"]
    assert weights.read_bytes() == b"old"


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    """A process that runs keeps its file, one of our own number is an earlier process's; other names are no matter."""
    theirs = tmp_path / f".a.h5.{os.getppid()}.tmp"
    ours = tmp_path / f".a.h5.{os.getpid()}.tmp"
    others = [tmp_path / ".notes.tmp", tmp_path / "b.7.tmp"]
    for path in (theirs, ours, *others):
        path.touch()
    sweep_temporary_files(tmp_path)
    assert set(tmp_path.iterdir()) == {theirs, *others}


def test_a_home_without_weights_has_nothing_to_sweep(tmp_path: Path) -> None:
    """A folder that is not there yet is no error and is not made."""
    sweep_temporary_files(tmp_path / "weights")
    assert not list(tmp_path.iterdir())
