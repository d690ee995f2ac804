"""How many steps one call of the compiled loop may take: nothing can interrupt a call, so each is kept short."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CALL_S = 0.2
"""Length of a call to aim at. A call costs less than a millisecond beside its steps."""

_FIRST = 8  # the first call compiles the loop as well, so its time says little
_GROWTH = 4  # at most, from one call to the next


class StepBudget:
    """Learns from the calls made how many steps the next may have.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.steps = _FIRST
        """Steps that the next call may have, 1 or more."""

    @contextmanager
    def spent(self, steps: int) -> Iterator[None]:
        """Measure a call of `steps` steps; a context around it."""
        began = self._clock()
        yield
        took = max(self._clock() - began, 1e-6)
        fitting = int(_CALL_S / took * steps)
        self.steps = max(1, min(fitting, max(self.steps, steps * _GROWTH)))
