"""Signs of life: each worker rewrites a small file about once a second, and whoever reads it sees whether it changes.

Clocks of several machines are not compared: a reader measures, by its own clock, for how long a file stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

BEAT_S: Final = 1.0
"""Seconds between two beats."""

LOST_S: Final = 40.0
"""Seconds without a new beat after which a worker counts as lost. Importing TensorFlow can hold one up for a while."""


def beat_file(folder: Path, rank: int) -> Path:
    """Return where a worker's beats are."""
    return folder / f"beat-{rank}"


def write_beat(folder: Path, rank: int, attempt: str, process: str, number: int) -> None:
    """Write a beat of a process, which has a word of its own.

    Raises:
        OSError: the folder is gone, or the disk is full.
    """
    written = beat_file(folder, rank).with_suffix(".new")
    written.write_text(f"{attempt} {process} {number}")
    written.replace(beat_file(folder, rank))


class Listener:
    """Listens to some workers.

    Args:
        folder: where the beats are.
        attempt: what workers of this attempt begin their beats with; others are not heard.
        ranks: whom to listen to.
        clock: tells seconds.
    """

    def __init__(self, folder: Path, attempt: str, ranks: Sequence[int], clock: Callable[[], float]) -> None:
        self._folder, self._attempt, self._clock = folder, attempt, clock
        self._heard: dict[int, tuple[str, float]] = dict.fromkeys(ranks, ("", clock()))
        self.replaced: int | None = None
        """A worker whose process ended and that was started again: it cannot join the others."""

    def listen(self) -> None:
        """Look at each worker's beat."""
        now = self._clock()
        for rank, (last, _) in self._heard.items():
            try:
                found = beat_file(self._folder, rank).read_text()
            except OSError:
                continue
            if found != last and found.startswith(self._attempt):
                self._heard[rank] = found, now
                if last and last.rpartition(" ")[0] != found.rpartition(" ")[0]:
                    self.replaced = rank

    def silent(self, limit_s: float, but: Collection[int] = ()) -> int | None:
        """Return the worker that had begun and was not heard for longest, if that is longer than so many seconds.

        Those in `but` are known to have ended, and are not meant.
        """
        return self._longest(limit_s, but, begun=True)

    def absent(self, limit_s: float) -> int | None:
        """Return a worker that has not begun within so many seconds of the listener's beginning; None if all have."""
        return self._longest(limit_s, (), begun=False)

    def _longest(self, limit_s: float, but: Collection[int], *, begun: bool) -> int | None:
        now = self._clock()
        late = [
            (at, rank)
            for rank, (last, at) in self._heard.items()
            if rank not in but and bool(last) is begun and now - at > limit_s
        ]
        return min(late)[1] if late else None
