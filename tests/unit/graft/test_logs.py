"""Logs that never get in the way of what is logged."""

from __future__ import annotations

import io

from graft.serving.logs import BestEffort


class FullDisk(io.StringIO):
    """A stream that cannot be written to."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        """Refuse."""
        raise OSError(28, "No space left on device")


def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    """Writing and flushing go on as if they had worked."""
    output = BestEffort(FullDisk())
    assert output.write("a line\n") == 7
    output.flush()
