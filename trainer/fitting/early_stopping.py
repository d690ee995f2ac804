"""When to stop training, from the validation loss after each epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class EarlyStopping:
    """Follows the validation loss of a run.

    A loss within one standard error of the least one counts as no worse. On a few dozen validation pictures the loss
    of a well regularised network is flat for most of the run and its least value is chance: taking that epoch would
    often cut training short by three quarters, at a cost of some points of accuracy. With many validation pictures the
    standard error is small and this is early stopping as usual.
    """

    def __init__(self, patience: int) -> None:
        """Stop after `patience` epochs in a row that were worse."""
        self._patience = patience
        self._epoch = 0
        self._bar = math.inf  # the least loss and its standard error
        self._least = math.inf
        self.found = 1
        """The epoch to keep: the last one that was no worse than the best."""

    def see(self, epoch: int, loss: float, standard_error: float) -> None:
        """Take the mean validation loss after `epoch` (1, 2 …) and the standard error of that mean."""
        self._epoch = epoch
        if loss < self._least:
            self._least, self._bar = loss, loss + standard_error
        if loss <= self._bar:
            self.found = epoch

    def state(self) -> dict[str, float]:
        """Return what `restore` goes back to, for JSON; nothing before the first epoch was seen."""
        if not self._epoch:
            return {}
        return {"epoch": self._epoch, "found": self.found, "least": self._least, "bar": self._bar}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go back to what `state` returned.

        Raises:
            KeyError: a number is missing.
        """
        if state:
            self._epoch, self.found = int(state["epoch"]), int(state["found"])
            self._least, self._bar = state["least"], state["bar"]

    @property
    def stop(self) -> bool:
        """Whether the last `patience` epochs were all worse."""
        return self._epoch - self.found >= self._patience

    @property
    def reason(self) -> str:
        """Why the run ended where it did, for people."""
        ended = f"no better for {self._patience} epochs" if self.stop else "all epochs done"
        return f"{ended}; {self.found} of {self._epoch} epochs kept, least validation loss {self._least:.4f}"
