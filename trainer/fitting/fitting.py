"""One fit as it goes: steps in calls of a bounded length, reports, checkpoints, and the head in the end."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import CancelledError, FailedPreconditionError, InternalError
from trainer import recipes
from trainer.fitting.checkpoints import Checkpoint
from trainer.fitting.fit import FittedHead
from trainer.fitting.stepping import StepBudget
from trainer.jobs.progress import Phase, Progress
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.fitting.batches import Batches, FloatArray
    from trainer.fitting.checkpoints import Checkpoints
    from trainer.fitting.fit import TrainingData
    from trainer.fitting.network_method import Inputs
    from trainer.fitting.network_training import TrainedNetwork
    from trainer.recipes import Recipe

AGREEMENT = 1e-5
"""How far NumPy's probabilities may lie from TensorFlow's before a head is refused."""

_CHECKED_ROWS = 256
_MAX_HISTORY = 2000  # past that, every second report is dropped


class Fitting:
    """One call of `fit`: what its recipes have in common.

    Attributes:
        phase: what is being done.
        step: steps done in this phase.
        kept: what the recipe adds to a checkpoint, for JSON; the recipe sets it whenever it changes.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        checkpoints: Checkpoints,
        budget: StepBudget | None = None,
    ) -> None:
        self._recipe, self._data, self._checkpoints = recipes.to_dict(recipe), data, checkpoints
        self._on_progress, self._cancelled = on_progress, cancelled
        self._history: list[Progress] = []
        self._budget = budget or StepBudget(time.monotonic)
        self._loss, self._losses = 0.0, 0  # their sum since the last report, added in order, and how many
        self.phase, self.step = Phase.FITTING, 0
        self.kept: Mapping[str, Any] = {}
        self._network: TrainedNetwork

    def begin(self, network: TrainedNetwork) -> bool:
        """Take the network to train; go on from the last checkpoint of this recipe and return whether there is one.

        `phase`, `step` and `kept` are what they were then.
        """
        self._network = network
        self._raise_if_cancelled()  # the first steps are compiled now, which takes a second that nothing can interrupt
        checkpoint = self._checkpoints.load()
        if checkpoint is None or checkpoint.state["recipe"] != self._recipe:
            return False
        state = checkpoint.state
        network.restore(checkpoint.arrays)
        self.phase, self.step, self.kept = Phase(state["phase"]), state["step"], state["kept"]
        self._loss, self._losses = state["loss"], state["losses"]
        self._history = [Progress.from_dict(each) for each in state["history"]]
        self._checkpoints.resumed(f"step {self.step} of {self.phase}")
        return True

    def steps(self, rates: FloatArray, drawn: Batches) -> None:
        """Do a step for each of the rates, float32[steps], after `step` others of this phase.

        A call of the compiled loop takes about a fifth of a second; after each the fit looks whether it is cancelled,
        between two whether a checkpoint is due. How the steps fall into calls changes no bit of the outcome.

        Raises:
            CancelledError: the training was cancelled.
        """
        at = 0
        while at < len(rates):
            count = min(self._budget.steps, len(rates) - at)
            with self._budget.spent(count):
                losses = self._network.run(self.step, rates[at : at + count], drawn.cut(at, at + count))
            for loss in losses.tolist():
                self._loss += loss
            self._losses += count
            self.step += count
            at += count
            self._raise_if_cancelled()
            if at < len(rates):  # what follows the last step is the recipe's; it may belong to the checkpoint
                self.checkpoint()

    def checkpoint(self) -> None:
        """Leave a checkpoint if one is due."""
        if not self._checkpoints.due():
            return
        state = {
            "recipe": self._recipe,
            "phase": self.phase,
            "step": self.step,
            "kept": self.kept,
            "loss": self._loss,
            "losses": self._losses,
            "history": [each.to_dict() for each in self._history],
        }
        self._checkpoints.save(Checkpoint(state, self._network.state()))

    def report(
        self, steps: int, epoch: int, validation_loss: float | None = None, validation_accuracy: float | None = None
    ) -> None:
        """Report that `step` of `steps` are done, with the mean loss since the last report; a checkpoint may follow.

        Raises:
            FailedPreconditionError: reason TRAINING_DIVERGED.
            CancelledError: the training was cancelled.
        """
        mean = self._loss / self._losses
        self._loss, self._losses = 0.0, 0
        progress = Progress(self.phase, self.step, steps, epoch, mean, validation_loss, validation_accuracy)
        if not all(loss is None or math.isfinite(loss) for loss in (mean, validation_loss)):
            raise FailedPreconditionError(
                f"the loss became infinite at step {self.step}: train again with a lower learning_rate",
                reason="TRAINING_DIVERGED",
            )
        if len(self._history) >= _MAX_HISTORY:
            del self._history[::2]
        self._history.append(progress)
        self._on_progress(progress)
        self._raise_if_cancelled()
        self.checkpoint()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled():
            raise CancelledError("the training was cancelled", reason="JOB_CANCELLED")

    def finish(self, inputs: Inputs, epochs: int, stop_reason: str) -> FittedHead:
        """Take the arrays out and prove that NumPy, which serves them, computes what TensorFlow does."""
        trained = self._network
        layers = tuple(heads.Layer(*arrays) for arrays in trained.arrays())
        network = heads.Network(inputs.mean, inputs.scale, layers)
        sample = self._data.vectors[:_CHECKED_ROWS]
        difference = float(np.abs(heads.predict(network, sample) - trained.probabilities(sample)).max())
        if difference > AGREEMENT:
            raise InternalError(f"NumPy's probabilities differ from TensorFlow's by {difference:.1e}")
        return FittedHead(network, self.step, epochs, stop_reason, tuple(self._history))
