"""A worker's part of a fit: the recipe's own code over a network that all workers share."""

from __future__ import annotations

import json
import time
import zlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from graft.errors import InternalError
from trainer import recipes
from trainer.fitting.fit import prepare_tensorflow
from trainer.fitting.fitting import Fitting
from trainer.fitting.stepping import StepBudget
from trainer.jobs.checkpoints import JobCheckpoints
from trainer.recipes import MlpRecipe, SeedRecipe, SoftmaxRecipe
from trainer.workers.task import read_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from trainer.fitting.checkpoints import Checkpoint
    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.fitting.network_training import TrainedNetwork
    from trainer.jobs.progress import Progress
    from trainer.recipes import Recipe
    from trainer.workers.cluster import Place
    from trainer.workers.task import Task

_CALL_STEPS = 100
"""Steps in one call of the compiled loop: all workers must make the same calls, so no clock may say how long."""


def train(
    folder: Path, task: Task, place: Place, report: Callable[[Progress], None], note: Callable[[str], None]
) -> FittedHead:
    """Do this worker's part; all workers return the same head.

    TF_CONFIG is in the environment, and TensorFlow was not used before: the strategy must come first.

    Args:
        folder: where the task's files are.
        task: what to do.
        place: which worker this is.
        report: hears how far the fit is.
        note: hears where it goes on from a checkpoint.

    Raises:
        FailedPreconditionError: reason TRAINING_DIVERGED.
        InternalError: the workers do not see the same checkpoint.
        tf.errors.OpError: another worker is gone.
    """
    prepare_tensorflow(task.threads)
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    from trainer.workers.network import SharedNetwork, told_by_all

    recipe = recipes.from_dict(task.recipe)
    data = read_data(folder, task)
    own = JobCheckpoints(folder / task.checkpoint_file, task.origin, note, task.every_s, time.monotonic)
    checkpoints = AgreedCheckpoints(own, place, partial(told_by_all, strategy, place))
    fitting = Fitting(recipe, data, report, lambda: False, checkpoints, SameSteps())
    return fit_network(recipe, data, fitting, partial(SharedNetwork, strategy=strategy, place=place))


def fit_network(
    recipe: Recipe, data: TrainingData, fitting: Fitting, network: Callable[..., TrainedNetwork]
) -> FittedHead:
    """Fit a head by a recipe of gradient steps, over a network that `network` makes as `TrainedNetwork` is made."""
    from trainer.fitting.fit_descent import fit_descent
    from trainer.fitting.fit_mlp import fit_mlp

    if isinstance(recipe, MlpRecipe):
        return fit_mlp(recipe, data, fitting, network)
    if isinstance(recipe, (SoftmaxRecipe, SeedRecipe)):
        return fit_descent(recipe, data, fitting, network)
    raise TypeError(f"recipe {recipe.kind} is not made of gradient steps")


class SameSteps(StepBudget):
    """Calls of one length, on every worker."""

    def __init__(self) -> None:
        super().__init__(time.monotonic)
        self.steps = _CALL_STEPS

    @contextmanager
    def spent(self, steps: int) -> Iterator[None]:  # noqa: ARG002 - nothing is learned from it
        """Measure nothing."""
        yield


class AgreedCheckpoints:
    """Checkpoints that the chief alone writes, and that all workers go on from at the same place or not at all."""

    def __init__(self, own: JobCheckpoints, place: Place, told: Callable[[int], list[int]]) -> None:
        self._own, self._place, self._told = own, place, told

    def load(self) -> Checkpoint | None:
        """Return the last checkpoint.

        Raises:
            InternalError: workers found different ones, as a shared disk that lags behind may show them.
        """
        found = self._own.load()
        numbers = self._told(_number_of(found))
        if len(set(numbers)) > 1:
            raise InternalError(
                "the workers do not see the same checkpoint: their shared folder shows them other files"
            )
        return found

    def due(self) -> bool:
        """Whether it is time for the next one, which is the chief's affair."""
        return self._place.chief and self._own.due()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write it."""
        self._own.save(checkpoint)

    def resumed(self, place: str) -> None:
        """Note where the fit goes on."""
        self._own.resumed(place)

    def remember(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep what a part of the fit found, if this is the chief."""
        if self._place.chief:
            self._own.remember(name, document)

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return what `remember` kept."""
        return self._own.recall(name)


def _number_of(found: Checkpoint | None) -> int:
    """Return a number that tells checkpoints apart, 0 for none."""
    return 0 if found is None else 1 + zlib.crc32(json.dumps(found.state, sort_keys=True).encode()) // 4
