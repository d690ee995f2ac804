"""The line of those who wait for a place: first come, first served, unless one is hastened or leaves it."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from feature_extractor.pipeline.admission import Place


@dataclass(frozen=True, slots=True)
class Waiting:
    """One in line.

    Attributes:
        place: what it needs.
        start: what is called with the place once it has it.
        token: what it is known by to those who hasten it.
    """

    place: Place
    start: Callable[[Place], None]
    token: object


class WaitingLine:
    """Not thread-safe; all but `hasten` and `pictures` cost the same however long the line is."""

    def __init__(self) -> None:
        self._tickets = itertools.count(1)
        self._line: OrderedDict[int, Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._line)

    @property
    def pictures(self) -> int:
        """Pictures in line."""
        return sum(each.place.pictures for each in self._line.values())

    @property
    def first(self) -> Waiting | None:
        """Whose turn it is."""
        return next(iter(self._line.values()), None)

    def append(self, waiting: Waiting) -> int:
        """Put one at the end; its ticket, 1 or more, is returned."""
        ticket = next(self._tickets)
        self._line[ticket] = waiting
        return ticket

    def get(self, ticket: int) -> Waiting | None:
        """Who waits with this ticket, None if nobody does any more."""
        return self._line.get(ticket)

    def remove(self, ticket: int) -> bool:
        """Take one out, wherever it is; False if it is not there any more."""
        return self._line.pop(ticket, None) is not None

    def pop_first(self) -> None:
        """Take out whose turn it is."""
        self._line.popitem(last=False)

    def hasten(self, matches: Callable[[object], bool]) -> None:
        """Make those with such a token interactive and impatient, and move them before everything of the bulk lane."""
        hurried = {ticket: each for ticket, each in self._line.items() if matches(each.token)}
        if not hurried:
            return
        for ticket, each in hurried.items():
            self._line[ticket] = replace(each, place=replace(each.place, lane=Lane.INTERACTIVE, patient=False))
        self._line = OrderedDict(sorted(self._line.items(), key=lambda item: item[1].place.lane is Lane.BULK))

    def clear(self) -> None:
        """Send everybody away."""
        self._line.clear()
