"""Two lanes into one place: interactive work goes first, bulk work gets what is left and a small share in any case."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

BULK_SHARE = 1 / 8
"""Of what is taken while both lanes wait, bulk gets at least this part: it can be slow, but never starve."""


class Lane(Enum):
    """Who waits behind whom."""

    INTERACTIVE = auto()  # somebody waits for the answer
    BULK = auto()  # a job that takes long anyway


class LaneQueue(Generic[_T]):
    """First come, first served within each lane; not thread-safe."""

    def __init__(self) -> None:
        self._interactive: deque[_T] = deque()
        self._bulk: deque[_T] = deque()
        # What bulk is owed, in items: grows by BULK_SHARE with each item taken while both lanes wait.
        self._owed = 0.0

    def __len__(self) -> int:
        return len(self._interactive) + len(self._bulk)

    def waiting(self, lane: Lane) -> int:
        """Items in a lane."""
        return len(self._of(lane))

    def append(self, item: _T, lane: Lane) -> None:
        """Put an item at the end of a lane."""
        self._of(lane).append(item)

    @property
    def bulk_due(self) -> int:
        """Items of the bulk lane that must be among the next ones taken."""
        return min(int(self._owed), len(self._bulk))

    def take(self, interactive: int, bulk: int) -> list[_T]:
        """Take so many items, or what there is of them, from the front of each lane."""
        contended = bool(self._interactive and self._bulk)
        taken = [self._interactive.popleft() for _ in range(min(interactive, len(self._interactive)))]
        first_bulk = len(taken)
        taken += [self._bulk.popleft() for _ in range(min(bulk, len(self._bulk)))]
        if contended:
            self._owed = max(0.0, self._owed + BULK_SHARE * len(taken) - (len(taken) - first_bulk))
        if not self._bulk:
            self._owed = 0.0
        return taken

    def take_one(self) -> _T:
        """Take whoever is next.

        Raises:
            IndexError: nobody waits.
        """
        if self.bulk_due or not self._interactive:
            if not self._bulk:
                raise IndexError("both lanes are empty")
            return self.take(0, 1)[0]
        return self.take(1, 0)[0]

    def take_interactive(self) -> _T:
        """Take the next of the interactive lane while bulk has all that it may have: nothing is owed for that.

        Raises:
            IndexError: the lane is empty.
        """
        return self._interactive.popleft()

    def hasten(self, matches: Callable[[_T], bool]) -> None:
        """Move the items that match from the bulk lane to the end of the interactive one."""
        hurried = [item for item in self._bulk if matches(item)]
        if hurried:
            self._bulk = deque(item for item in self._bulk if not matches(item))
            self._interactive.extend(hurried)
        if not self._bulk:
            self._owed = 0.0

    def clear(self) -> list[_T]:
        """Take everything."""
        items = [*self._interactive, *self._bulk]
        self._interactive.clear()
        self._bulk.clear()
        self._owed = 0.0
        return items

    def _of(self, lane: Lane) -> deque[_T]:
        return self._interactive if lane is Lane.INTERACTIVE else self._bulk
