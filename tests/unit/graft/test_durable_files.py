"""Files that survive a kill and a power cut."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from graft.durable_files import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content is there, and nothing beside it."""
    path = tmp_path / "state.json"
    for content in (b"old", b"new and longer"):
        replace_file(path, content)
    assert path.read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    """A disk that takes no more leaves the old content, and no half of the new one."""
    path = tmp_path / "state.json"
    replace_file(path, b"old")
    script = (
        "import signal, sys; from pathlib import Path; from graft.durable_files import replace_file;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); replace_file(Path(sys.argv[1]), bytes(100_000))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert "OSError" in done.stderr
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
