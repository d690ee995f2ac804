"""Bounds what is under way at once: who may be refused is refused at once, who may wait waits in line."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.waiting_line import Waiting, WaitingLine

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


def lane_share(total: int) -> int:
    """What one lane may have of it: three quarters, so that the last quarter stays free for the other."""
    return max(1, total * 3 // 4)


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
        lane_pictures = lane_share(pictures)
        return cls(pictures, size_bytes, lane_pictures, lane_share(size_bytes), min(patient_pictures, lane_pictures))


class Admission:
    """Nobody blocks here: what waits in line is a callable that starts it.

    Whoever finds nothing of its own lane under way is let in, however big and whatever the other lane has: otherwise
    one lane could shut the other out. All together is then at most `pictures` and that one place.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        # Invariant: under _lock, the sums are those of the places held, and the first in line does not fit; once
        # closed, there is no line. What is called for somebody is called outside.
        self._lock = threading.Lock()
        self._all = _Sum()
        self._lanes = {lane: _Sum() for lane in Lane}
        self._patient = _Sum()
        self._line = WaitingLine()
        self._closed = False

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
            return self._line.pictures

    def ahead(self, lane: Lane) -> int:
        """Pictures under way that go before a new one of this lane."""
        return self._lanes[lane].pictures if lane is Lane.INTERACTIVE else self._all.pictures

    def try_enter(self, place: Place) -> bool:
        """Take the place if there is room; it is given back by `leave`, in one piece or in several."""
        with self._lock:
            if not self._fits(place) or self._starves_the_line(place):
                return False
            self._add(place, 1)
            return True

    def enter_in_line(self, place: Place, start: Callable[[Place], None], token: object) -> int:
        """Call `start` with the place once it is taken: now, or from what makes room. First come, first served.

        `start` must be quick and must not raise. The place it is given is of another lane if it was hastened.

        Returns:
            A ticket for `in_line` and `withdraw`; 0 once closed, when nobody is let in.
        """
        with self._lock:
            if self._closed:
                return 0
            ticket = self._line.append(Waiting(place, start, token))
            starts = self._let_in() if len(self._line) == 1 else []
        _call(starts)
        return ticket

    def in_line(self, ticket: int) -> object | None:
        """The token of who waits with this ticket; None if nobody does any more."""
        with self._lock:
            waiting = self._line.get(ticket)
        return None if waiting is None else waiting.token

    def withdraw(self, ticket: int) -> bool:
        """Leave the line, never to be started; False if nobody waits with this ticket any more."""
        with self._lock:
            if not self._line.remove(ticket):
                return False
            starts = self._let_in()
        _call(starts)
        return True

    def leave(self, place: Place) -> None:
        """Give a place back, and let in whoever is next in line and fits now."""
        with self._lock:
            self._add(place, -1)
            starts = self._let_in()
        _call(starts)

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Move whoever waits in line with such a token to its front: an interactive caller waits for it too.

        From then on it counts as one that came in by the interactive lane.
        """
        with self._lock:
            self._line.hasten(matches)
            starts = self._let_in()
        _call(starts)

    def close(self) -> None:
        """Forget the line: whoever is in it must have been told otherwise. Nobody waits in line any more."""
        with self._lock:
            self._closed = True
            self._line.clear()

    def _let_in(self) -> list[Callable[[], None]]:
        """Take the places of those first in line that fit; what is returned starts them, outside the lock."""
        starts: list[Callable[[], None]] = []
        while (first := self._line.first) is not None and self._fits(first.place):
            self._line.pop_first()
            self._add(first.place, 1)
            starts.append(partial(first.start, first.place))
        return starts

    def _fits(self, place: Place) -> bool:
        bounds, patient = self.bounds, self._patient
        # With more views than the bound has room for, a picture is alone of its kind.
        if place.patient and patient.pictures and not patient.takes(place, bounds.patient_pictures, bounds.lane_bytes):
            return False
        return not self._lanes[place.lane].pictures or self._has_room(place)

    def _has_room(self, place: Place) -> bool:
        """Whether it keeps within the bounds that it shares with the impatient."""
        bounds = self.bounds
        return self._all.takes(place, bounds.pictures, bounds.size_bytes) and self._lanes[place.lane].takes(
            place, bounds.lane_pictures, bounds.lane_bytes
        )

    def _starves_the_line(self, place: Place) -> bool:
        """Whether the first in line waits for the room that this one would take: small ones could take it for ever."""
        first = self._line.first
        if first is None or not self._lanes[place.lane].pictures:
            return False
        return place.lane in {first.place.lane, Lane.BULK} and not self._has_room(first.place)

    def _add(self, place: Place, sign: int) -> None:
        self._all.add(place, sign)
        self._lanes[place.lane].add(place, sign)
        if place.patient:
            self._patient.add(place, sign)


def _call(starts: list[Callable[[], None]]) -> None:
    for start in starts:
        start()


@dataclass(slots=True)
class _Sum:
    """Places of one kind, added up."""

    pictures: int = 0
    size_bytes: int = 0

    def takes(self, place: Place, pictures: int, size_bytes: int) -> bool:
        """Whether one more keeps within these bounds."""
        return self.pictures + place.pictures <= pictures and self.size_bytes + place.size_bytes <= size_bytes

    def add(self, place: Place, sign: int) -> None:
        """Add or take away."""
        self.pictures += sign * place.pictures
        self.size_bytes += sign * place.size_bytes
