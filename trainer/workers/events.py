"""What the chief tells the trainer: one JSON object a line, at the end of a file that both see.

{"progress": {…}}                           as `trainer.jobs.progress.Progress` writes it
{"note": "…"}                               what people should know, for example where the fit goes on
{"refused": {"reason", "message", "code"}}  the fit failed, and would again
{"fitted": true}                            the fitted network is on disk
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EVENTS_FILE: Final = "events-{}.jsonl"  # of an attempt: who is left of another does not speak into it


class Told:
    """The writing end."""

    def __init__(self, folder: Path, attempt: str) -> None:
        self._path = folder / _EVENTS_FILE.format(attempt)

    def tell(self, what: str, content: object) -> None:
        """Add an event.

        Raises:
            OSError: the disk is full or broken.
        """
        line = json.dumps({what: content}, ensure_ascii=False).encode() + b"\n"
        with self._path.open("ab") as file:
            file.write(line)


class Heard:
    """The reading end."""

    def __init__(self, folder: Path, attempt: str) -> None:
        self._path = folder / _EVENTS_FILE.format(attempt)
        self._at = 0

    def new(self) -> Iterator[tuple[str, Any]]:
        """Yield what was told since the last call, as (what, content); a line that is not whole waits."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            yield from json.loads(line).items()
