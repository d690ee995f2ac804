"""Groups of rows that pairs connect, found as the pairs come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.fitting.batches import RowArray


class Groups:
    """Rows 0 to n - 1, each in a group of its own at first."""

    def __init__(self, rows: int) -> None:
        self._first: NDArray[np.intp] = np.arange(rows)  # a row of the group before this one, or itself

    def join(self, left: NDArray[np.intp], right: NDArray[np.intp]) -> None:
        """Put `left[i]` and `right[i]` into one group, for each i."""
        first = self._first
        while len(left):
            one, other = first[left], first[right]
            apart = one != other
            left, right, one, other = left[apart], right[apart], one[apart], other[apart]
            # The greater representative now points to the smaller; of several that want it, the smallest wins.
            np.minimum.at(first, np.maximum(one, other), np.minimum(one, other))
            self._flatten()

    def _flatten(self) -> None:
        while not np.array_equal(shorter := self._first[self._first], self._first):
            self._first[:] = shorter

    def first_rows(self) -> RowArray:
        """Return int32[n]: for each row the smallest row of its group."""
        return self._first.astype(np.int32)
