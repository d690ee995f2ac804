"""Fitting a head to vectors by a recipe: what is trained, for how long, and when it stops.

Same recipe, same data, same machine: the same weights, bit for bit. Everything random is drawn from the recipe's seed
(`trainer.batches`, and a stateless dropout), and `prepare_tensorflow` asks TensorFlow for deterministic kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import CancelledError, FailedPreconditionError, InternalError
from trainer import batches, heads
from trainer.early_stopping import EarlyStopping
from trainer.progress import Phase, Progress
from trainer.recipes import MlpRecipe, SeedRecipe
from trainer.statistics import class_means, standardisation

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.batches import FloatArray, RowArray
    from trainer.network_training import Inputs, TrainedNetwork
    from trainer.recipes import Recipe, SoftmaxRecipe

AGREEMENT = 1e-5
"""How far NumPy's probabilities may lie from TensorFlow's before a head is refused."""

_CHECKED_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a head is fitted to.

    Attributes:
        vectors: float32[n, d].
        labels: int32[n], indices into the labels, 0 to classes - 1.
        training: int32[t], rows to train on.
        validation: int32[v], rows that tell when to stop; disjoint from `training`.
        classes: number of labels.
    """

    vectors: FloatArray
    labels: RowArray
    training: RowArray
    validation: RowArray
    classes: int


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What fitting made.

    Attributes:
        network: the head's arrays.
        steps: gradient steps behind these weights.
        epochs: passes over the examples behind them; 0 for recipes that count steps only.
        stop_reason: why fitting ended, for people.
        history: the reports of progress, oldest first.
    """

    network: heads.Network
    steps: int
    epochs: int
    stop_reason: str
    history: tuple[Progress, ...]


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
) -> FittedHead:
    """Train a head.

    Args:
        recipe: how.
        data: on what; each class has a training row, and `validation` is not empty.
        on_progress: called about once an epoch, or every `report_every` steps.
        cancelled: asked as often; true ends the training.

    Raises:
        CancelledError: `cancelled` said so.
        FailedPreconditionError: reason TRAINING_DIVERGED; the learning rate is too high.
        InternalError: the NumPy forward pass that serves the head does not agree with TensorFlow's.
    """
    run = _Run(data, on_progress, cancelled)
    return run.mlp(recipe) if isinstance(recipe, MlpRecipe) else run.gradient_descent(recipe)


class _Run:
    """One call of `fit`."""

    def __init__(
        self, data: TrainingData, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> None:
        import tensorflow as tf

        self._data, self._on_progress, self._cancelled = data, on_progress, cancelled
        self._history: list[Progress] = []
        self._vectors, self._labels = tf.constant(data.vectors), tf.constant(data.labels)

    def gradient_descent(self, recipe: SeedRecipe | SoftmaxRecipe) -> FittedHead:
        """Do a fixed number of plain steps on raw inputs: recipes `seed` and `softmax`."""
        from trainer.network_training import Inputs, Method, TrainedNetwork

        data, dimensions = self._data, self._data.vectors.shape[1]
        hidden = recipe.hidden_units if isinstance(recipe, SeedRecipe) else ()
        sizes = (dimensions, *hidden, data.classes)
        weights = batches.truncated_normal_weights(recipe.seed, sizes, recipe.initial_stddev)
        zeros, ones = np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32)
        raw = Inputs(zeros, ones, np.zeros((data.classes, dimensions), np.float32))
        method = Method(adam=False, relu_logits=isinstance(recipe, SeedRecipe), seed=recipe.seed)
        network = TrainedNetwork(self._vectors, self._labels, weights, raw, method)
        for done in range(0, recipe.steps, recipe.report_every):
            steps = min(recipe.report_every, recipe.steps - done)
            drawn = batches.with_replacement(recipe.seed, done, steps, data.training, recipe.batch_size)
            loss = network.run(done, np.full(steps, recipe.learning_rate, np.float32), drawn)
            score = network.score(data.validation)
            report = Progress(Phase.FITTING, done + steps, recipe.steps, 0, loss, score.loss, score.accuracy)
            self._report(report)
        reason = f"did the recipe's {recipe.steps} steps"
        return self._finish(network, raw, recipe.steps, 0, reason)

    def mlp(self, recipe: MlpRecipe) -> FittedHead:
        """Find the number of epochs on the validation part, then train once more on both parts."""
        data = self._data
        inputs, network = self._start_mlp(recipe, data.training)
        watch = EarlyStopping(recipe.patience)
        steps_an_epoch = max(1, len(data.training) // recipe.batch_size)
        planned = max(1, min(recipe.max_epochs, recipe.max_steps // steps_an_epoch))
        epoch = 0
        while epoch < planned and not watch.stop:
            step, loss = self._epoch(network, recipe, data.training, epoch, planned)
            epoch += 1
            score = network.score(data.validation)
            watch.see(epoch, score.loss, score.standard_error)
            self._report(
                Progress(Phase.FITTING, step, planned * steps_an_epoch, epoch, loss, score.loss, score.accuracy)
            )
        both = np.concatenate([data.training, data.validation])
        inputs = self._standardised(both)
        network.restart(self._he_weights(recipe), inputs)
        step = 0
        for epoch in range(watch.found):
            step, loss = self._epoch(network, recipe, both, epoch, watch.found)
            self._report(Progress(Phase.REFITTING, step, watch.found * (step // (epoch + 1)), epoch + 1, loss))
        return self._finish(network, inputs, step, watch.found, watch.reason)

    def _start_mlp(self, recipe: MlpRecipe, rows: RowArray) -> tuple[Inputs, TrainedNetwork]:
        """Return the inputs as standardised over `rows`, and a network that has not learned anything."""
        from trainer.network_training import Method, TrainedNetwork

        inputs = self._standardised(rows)
        method = Method(
            adam=True,
            weight_decay=recipe.weight_decay,
            dropout=recipe.dropout,
            label_smoothing=recipe.label_smoothing,
            residuals=recipe.residual_noise > 0,
            seed=recipe.seed,
        )
        return inputs, TrainedNetwork(self._vectors, self._labels, self._he_weights(recipe), inputs, method)

    def _he_weights(self, recipe: MlpRecipe) -> list[FloatArray]:
        return batches.he_weights(recipe.seed, (self._data.vectors.shape[1], *recipe.hidden_units, self._data.classes))

    def _standardised(self, rows: RowArray) -> Inputs:
        from trainer.network_training import Inputs

        data = self._data
        mean, scale = standardisation(data.vectors, rows)
        return Inputs(mean, scale, class_means(data.vectors, data.labels, rows, data.classes))

    def _epoch(
        self, network: TrainedNetwork, recipe: MlpRecipe, rows: RowArray, done: int, planned: int
    ) -> tuple[int, float]:
        """Do one pass over `rows` after `done` of `planned`; return (steps done in all, mean loss of the pass)."""
        drawn = batches.epoch(recipe.seed, done, rows, recipe.batch_size, recipe.residual_noise)
        steps = len(drawn.rows)
        at = (np.arange(steps) + done * steps) / (planned * steps)  # [steps], 0 to below 1
        rates = (recipe.learning_rate * 0.5 * (1 + np.cos(np.pi * at))).astype(np.float32)
        return (done + 1) * steps, network.run(done * steps, rates, drawn)

    def _report(self, progress: Progress) -> None:
        losses = (progress.loss, progress.validation_loss)
        if not all(loss is None or math.isfinite(loss) for loss in losses):
            raise FailedPreconditionError(
                f"the loss became infinite at step {progress.step}: train again with a lower learning_rate",
                reason="TRAINING_DIVERGED",
            )
        self._history.append(progress)
        self._on_progress(progress)
        if self._cancelled():
            raise CancelledError("the training was cancelled", reason="JOB_CANCELLED")

    def _finish(self, trained: TrainedNetwork, inputs: Inputs, steps: int, epochs: int, stop_reason: str) -> FittedHead:
        """Take the arrays out and prove that NumPy, which serves them, computes what TensorFlow does."""
        layers = tuple(heads.Layer(*arrays) for arrays in trained.arrays())
        network = heads.Network(inputs.mean, inputs.scale, layers)
        sample = self._data.vectors[:_CHECKED_ROWS]
        difference = float(np.abs(heads.predict(network, sample) - trained.probabilities(sample)).max())
        if difference > AGREEMENT:
            raise InternalError(f"NumPy's probabilities differ from TensorFlow's by {difference:.1e}")
        return FittedHead(network, steps, epochs, stop_reason, tuple(self._history))
