"""How often a running job's reports are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.jobs.progress import Progress

_RECORD_EVERY_S = 0.2
"""Reports closer than this, or without news, are not recorded, a change of phase always is: each is a synced write."""


class Pace:
    """The pace of one job's records; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: Progress | None = None
        self._at = 0.0

    def due(self, progress: Progress) -> bool:
        """Whether this report is to be recorded; if so, it counts as recorded now."""
        now = self._clock()
        same_phase = self._last is not None and progress.phase is self._last.phase
        if same_phase and (progress == self._last or now - self._at < _RECORD_EVERY_S):
            return False
        self._last, self._at = progress, now
        return True
