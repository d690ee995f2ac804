"""Fitting a head to vectors by a recipe: what is trained, for how long, and when it stops.

Same recipe, same data, same machine: the same weights, bit for bit. Everything random is drawn from the recipe's seed
(`fitting.batches`, and a stateless dropout), and `prepare_tensorflow` asks TensorFlow for deterministic kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.fitting.checkpoints import NO_CHECKPOINTS
from trainer.recipes import AutoRecipe, AverageRecipe, LdaRecipe, LogisticRecipe, MlpRecipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.checkpoints import Checkpoints
    from trainer.jobs.progress import Progress
    from trainer.recipes import Recipe
    from trainer.registry import heads


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a head is fitted to.

    Attributes:
        vectors: float32[n, d].
        labels: int32[n], indices into the labels, 0 to classes - 1.
        training: int32[t], rows to train on.
        validation: int32[v], rows that tell when to stop; disjoint from `training`.
        classes: number of labels.
        origins: int32[n], the row of the picture that each row is a view of, its own for a picture as it is; None if
            there are no views. Views are in `training` only.
    """

    vectors: FloatArray
    labels: RowArray
    training: RowArray
    validation: RowArray
    classes: int
    origins: RowArray | None = None

    def only(self, training: RowArray, validation: RowArray) -> TrainingData:
        """Return the data of these rows alone, without views: of a large set it is a small sample."""
        rows = np.concatenate([training, validation])
        places = np.arange(len(rows), dtype=np.int32)
        halves = places[: len(training)], places[len(training) :]
        return TrainingData(self.vectors[rows], self.labels[rows], *halves, self.classes)


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What fitting made.

    Attributes:
        network: the head's arrays.
        steps: gradient steps behind these weights.
        epochs: passes over the examples behind them; 0 for recipes that count steps only.
        stop_reason: why fitting ended, for people.
        history: the reports of progress, oldest first; whenever there are 2,000, every second one is dropped.
        search: what `auto` tried and chose, as the manifest holds it; None for other recipes.
    """

    network: heads.Network
    steps: int
    epochs: int
    stop_reason: str
    history: tuple[Progress, ...]
    search: dict[str, Any] | None = None


def prepare_tensorflow(threads: int) -> None:
    """Import TensorFlow and set it up for this process, once, before the first `fit`.

    Args:
        threads: processor cores it may use; an extractor on the same machine needs the others.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)  # a step is one chain of operations
    tf.config.experimental.enable_op_determinism()


def fit(
    recipe: Recipe,
    data: TrainingData,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> FittedHead:
    """Train a head.

    Args:
        recipe: how.
        data: on what; each class has a training row, and `validation` is not empty.
        on_progress: called about once an epoch, or every `report_every` steps.
        cancelled: asked a few times a second; true ends the training.
        checkpoints: where it goes on from and leaves where it is; a fit that goes on makes the very weights that it
            would have made without a break.

    Raises:
        CancelledError: `cancelled` said so.
        FailedPreconditionError: reason TRAINING_DIVERGED; the learning rate is too high.
        InternalError: the NumPy forward pass that serves the head does not agree with TensorFlow's.
    """
    from trainer.fitting.fit_combined import fit_auto, fit_average
    from trainer.fitting.fit_linear import fit_lda, fit_logistic

    if isinstance(recipe, LdaRecipe):
        return fit_lda(recipe, data, on_progress, cancelled)
    if isinstance(recipe, LogisticRecipe):
        return fit_logistic(recipe, data, on_progress, cancelled)
    if isinstance(recipe, AverageRecipe):
        return fit_average(recipe, data, on_progress, cancelled, checkpoints)
    if isinstance(recipe, AutoRecipe):
        return fit_auto(recipe, data, on_progress, cancelled, checkpoints)

    from trainer.fitting.fit_descent import fit_descent  # they import TensorFlow, which takes seconds
    from trainer.fitting.fit_mlp import fit_mlp
    from trainer.fitting.fitting import Fitting
    from trainer.fitting.held_vectors import let_go

    fitting = Fitting(recipe, data, on_progress, cancelled, checkpoints)
    fitted = fit_mlp(recipe, data, fitting) if isinstance(recipe, MlpRecipe) else fit_descent(recipe, data, fitting)
    del fitting  # it knows the network
    let_go(data.vectors)
    return fitted
