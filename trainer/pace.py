"""How often a running job's reports are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.progress import Phase, Progress

_RECORD_EVERY_S = 0.2
"""Reports closer than this are not recorded, a change of phase always is: each is a synced write."""


class Pace:
    """The pace of one job's records; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._phase: Phase | None = None
        self._at = 0.0

    def due(self, progress: Progress) -> bool:
        """Whether this report is to be recorded; if so, it counts as recorded now."""
        now = self._clock()
        if progress.phase is self._phase and now - self._at < _RECORD_EVERY_S:
            return False
        self._phase, self._at = progress.phase, now
        return True
