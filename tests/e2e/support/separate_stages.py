"""The four services without anybody who supervises them: each is started, stopped and killed by itself."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

from graft.serving.testing import StageProcess, stage_process

if TYPE_CHECKING:
    from pathlib import Path

_NEIGHBOURS: Final = {
    "feature_extractor": {},
    "trainer": {"--extractor": "feature_extractor"},
    "classifier": {"--trainer": "trainer"},
    "gateway": {"--extractor": "feature_extractor", "--trainer": "trainer", "--classifier": "classifier"},
}


class Stages:
    """Four services under one home; a context manager that kills what is left.

    Attributes:
        home: their home.
        addresses: where each was first bound; a later start binds the same.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.addresses: dict[str, str] = {}
        self._running: dict[str, StageProcess] = {}
        self._left = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._left.close()

    def start(self, stage: str, *flags: str) -> None:
        """Start a stage; return once it is bound."""
        neighbours = [part for flag, name in _NEIGHBOURS[stage].items() for part in (flag, self.addresses[name])]
        again = ("--listen", self.addresses[stage]) if stage in self.addresses else ()
        process = stage_process(stage, *again, "--home", str(self.home), *neighbours, *flags)
        self._running[stage] = self._left.enter_context(process)
        self.addresses[stage] = self._running[stage].address

    def wait_until_serving(self, *stages: str) -> None:
        """Return once they serve."""
        for stage in stages:
            self._running[stage].wait_until_serving()

    def stop(self, stage: str, signum: int) -> int:
        """Send a signal to a stage, wait for its end and return its exit code."""
        return self._running.pop(stage).stop(signum)
