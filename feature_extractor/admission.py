"""Bounds how many pictures are under way at once: who may be refused is refused at once, who may wait waits in line."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Admission:
    """Places for pictures under way. Nobody blocks here: a picture that waits is a callable kept in line.

    Args:
        capacity: places.
        patient_capacity: places that pictures out of the line may hold together; the rest stays free for those that
            would be refused, so that a long import never shuts the door on them. Two or three batches keep the trunk
            fed; more only puts them in front of the others.
    """

    def __init__(self, capacity: int, patient_capacity: int) -> None:
        if not 0 < patient_capacity <= capacity:
            raise ValueError(f"of {capacity} places, {patient_capacity} cannot be the share of those who wait")
        self.capacity = capacity
        self._patient_capacity = patient_capacity
        # Invariant: under _lock, 0 <= _patient <= _taken <= capacity, _patient <= patient_capacity, and the line is
        # empty unless one of the two bounds is reached.
        self._lock = threading.Lock()
        self._taken = 0
        self._patient = 0
        self._line: deque[Callable[[], None]] = deque()

    @property
    def taken(self) -> int:
        """Places held."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Pictures in line."""
        return len(self._line)

    def try_enter(self) -> bool:
        """Take a place if there is one; it is given back by `leave(patient=False)`."""
        with self._lock:
            if self._taken == self.capacity:
                return False
            self._taken += 1
            return True

    def enter_in_line(self, start: Callable[[], None]) -> None:
        """Call `start` once a place is its own: now, or from the `leave` that frees one. First come, first served.

        The place is given back by `leave(patient=True)`. `start` must be quick and must not raise.
        """
        with self._lock:
            if self._line or not self._has_room():
                self._line.append(start)
                return
            self._take_patiently()
        start()

    def leave(self, *, patient: bool) -> None:
        """Give a place back, and let the next in line in."""
        start = None
        with self._lock:
            self._taken -= 1
            self._patient -= patient
            if self._line and self._has_room():
                start = self._line.popleft()
                self._take_patiently()
        if start is not None:
            start()

    def close(self) -> None:
        """Forget the line: whoever is in it must have been told otherwise. Nobody is let in from it any more."""
        with self._lock:
            self._line.clear()

    def _has_room(self) -> bool:
        return self._taken < self.capacity and self._patient < self._patient_capacity

    def _take_patiently(self) -> None:
        self._taken += 1
        self._patient += 1
