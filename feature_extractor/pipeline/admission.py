"""Bounds what is under way at once: who may be refused is refused at once, who may wait waits in line."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Place:
    """What somebody takes up while under way.

    Attributes:
        lane: the lane it came in by.
        patient: it waits in line instead of being refused.
        pictures: inputs of the trunk, extra views included.
        size_bytes: bytes of the pictures' files.
    """

    lane: Lane
    patient: bool
    pictures: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be under way.

    Attributes:
        pictures: inputs of the trunk, of all kinds.
        size_bytes: bytes of the pictures' files, of all kinds.
        lane_pictures: inputs of one lane; the rest stays free for the other.
        lane_bytes: bytes of one lane.
        patient_pictures: inputs of those who wait in line. Two or three batches keep the trunk fed; what waits in line
            costs no decoded pixels.
    """

    pictures: int
    size_bytes: int
    lane_pictures: int
    lane_bytes: int
    patient_pictures: int

    @classmethod
    def of(cls, pictures: int, size_bytes: int, patient_pictures: int) -> Bounds:
        """Bounds that keep each lane from the last quarter, so that neither can shut the other out."""
        lane_pictures, lane_bytes = max(1, pictures * 3 // 4), max(1, size_bytes * 3 // 4)
        return cls(pictures, size_bytes, lane_pictures, lane_bytes, min(patient_pictures, lane_pictures))


class Admission:
    """Nobody blocks here: what waits in line is a callable that starts it.

    Whoever finds nothing under way that it competes with is let in, however big: otherwise it never would be.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        # Invariant: under _lock, the sums are those of the places held, and the first in line does not fit.
        self._lock = threading.Lock()
        self._all = _Sum()
        self._lanes = {lane: _Sum() for lane in Lane}
        self._patient = _Sum()
        self._line: deque[_Waiting] = deque()

    @property
    def taken(self) -> int:
        """Pictures under way."""
        return self._all.pictures

    @property
    def taken_bytes(self) -> int:
        """Bytes of their files."""
        return self._all.size_bytes

    @property
    def waiting(self) -> int:
        """Pictures in line."""
        with self._lock:
            return sum(each.place.pictures for each in self._line)

    def ahead(self, lane: Lane) -> int:
        """Pictures under way that go before a new one of this lane."""
        return self._lanes[lane].pictures if lane is Lane.INTERACTIVE else self._all.pictures

    def try_enter(self, place: Place) -> bool:
        """Take the place if there is room; it is given back by `leave`, in one piece or in several."""
        with self._lock:
            if not self._fits(place):
                return False
            self._add(place, 1)
            return True

    def enter_in_line(self, place: Place, start: Callable[[], None], token: object = None) -> None:
        """Call `start` once the place is taken: now, or from the `leave` that makes room. First come, first served.

        `start` must be quick and must not raise.
        """
        with self._lock:
            if self._line or not self._fits(place):
                self._line.append(_Waiting(place, start, token))
                return
            self._add(place, 1)
        start()

    def leave(self, place: Place) -> None:
        """Give a place back, and let in whoever is next in line and fits now."""
        starts = []
        with self._lock:
            self._add(place, -1)
            while self._line and self._fits(self._line[0].place):
                following = self._line.popleft()
                self._add(following.place, 1)
                starts.append(following.start)
        for start in starts:
            start()

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Let in at once whoever waits in line with such a token: an interactive caller waits for it too."""
        with self._lock:
            hurried = [each for each in self._line if matches(each.token)]
            if hurried:
                self._line = deque(each for each in self._line if not matches(each.token))
            for each in hurried:
                self._add(each.place, 1)
        for each in hurried:
            each.start()

    def close(self) -> None:
        """Forget the line: whoever is in it must have been told otherwise. Nobody is let in from it any more."""
        with self._lock:
            self._line.clear()

    def _fits(self, place: Place) -> bool:
        bounds = self.bounds
        return (
            self._all.takes(place, bounds.pictures, bounds.size_bytes)
            and self._lanes[place.lane].takes(place, bounds.lane_pictures, bounds.lane_bytes)
            and (not place.patient or self._patient.takes(place, bounds.patient_pictures, bounds.lane_bytes))
        )

    def _add(self, place: Place, sign: int) -> None:
        self._all.add(place, sign)
        self._lanes[place.lane].add(place, sign)
        if place.patient:
            self._patient.add(place, sign)


@dataclass(frozen=True, slots=True)
class _Waiting:
    place: Place
    start: Callable[[], None]
    token: object


@dataclass(slots=True)
class _Sum:
    """Places of one kind, added up."""

    pictures: int = 0
    size_bytes: int = 0

    def takes(self, place: Place, pictures: int, size_bytes: int) -> bool:
        """Whether one more keeps within these bounds, or is alone."""
        if not self.pictures:
            return True
        return self.pictures + place.pictures <= pictures and self.size_bytes + place.size_bytes <= size_bytes

    def add(self, place: Place, sign: int) -> None:
        """Add or take away."""
        self.pictures += sign * place.pictures
        self.size_bytes += sign * place.size_bytes
