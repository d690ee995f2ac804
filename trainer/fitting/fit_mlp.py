"""Recipe `mlp`: find the number of epochs on the validation part, then train once more on both parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.fitting import batches
from trainer.fitting.class_weights import class_weights
from trainer.fitting.early_stopping import EarlyStopping
from trainer.fitting.held_vectors import held
from trainer.fitting.network_method import Inputs, Method
from trainer.fitting.network_training import TrainedNetwork
from trainer.fitting.statistics import class_means, standardisation
from trainer.jobs.progress import Phase
from trainer.recipes import BALANCED

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.fitting.fitting import Fitting
    from trainer.recipes import MlpRecipe


def fit_mlp(
    recipe: MlpRecipe,
    data: TrainingData,
    fitting: Fitting,
    network_type: Callable[..., TrainedNetwork] = TrainedNetwork,
) -> FittedHead:
    """Fit, then refit, or refit alone where the recipe names its epochs. A checkpoint may lie anywhere in either."""
    both = np.concatenate([data.training, data.validation])
    watch = EarlyStopping(recipe.patience)
    inputs = _standardised(recipe, data, data.training)
    network = network_type(
        held(data.vectors), tf.constant(data.labels), _he_weights(recipe, data), inputs, method_of(recipe)
    )
    resumed = fitting.begin(network)
    if resumed:
        watch.restore(fitting.kept)
    course = _Course(recipe, fitting)
    if fitting.phase is Phase.FITTING and not recipe.epochs:
        steps_an_epoch = max(1, len(data.training) // recipe.batch_size)
        planned = max(1, min(recipe.max_epochs, recipe.max_steps // steps_an_epoch))
        epoch = fitting.step // steps_an_epoch  # whole ones that are done
        while epoch < planned and not watch.stop:
            course.epoch(data.training, epoch, planned)
            epoch += 1
            score = network.score(data.validation)
            watch.see(epoch, score.loss, score.standard_error)
            fitting.kept = watch.state()
            fitting.report(planned * steps_an_epoch, epoch, score.loss, score.accuracy)
        resumed = False
    inputs = _standardised(recipe, data, both)
    if resumed:
        network.feed(inputs)
    else:
        network.restart(_he_weights(recipe, data), inputs)
        fitting.phase, fitting.step = Phase.REFITTING, 0
    steps_an_epoch = max(1, len(both) // recipe.batch_size)
    epochs, reason = watch.found, watch.reason
    if recipe.epochs:
        epochs, reason = recipe.epochs, f"did the recipe's {recipe.epochs} epochs"
    for epoch in range(fitting.step // steps_an_epoch, epochs):
        course.epoch(both, epoch, epochs)
        fitting.report(epochs * steps_an_epoch, epoch + 1)
    return fitting.finish(inputs, epochs, reason)


def method_of(recipe: MlpRecipe) -> Method:
    """Return how the recipe makes a step."""
    return Method(
        adam=True,
        weight_decay=recipe.weight_decay,
        dropout=recipe.dropout,
        label_smoothing=recipe.label_smoothing,
        residuals=recipe.residual_noise > 0,
        weighted=recipe.class_weights == BALANCED,
        seed=recipe.seed,
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """The passes of one phase after another."""

    recipe: MlpRecipe
    fitting: Fitting

    def epoch(self, rows: RowArray, done: int, planned: int) -> None:
        """Do what is left of one pass over `rows` after `done` of `planned`."""
        recipe = self.recipe
        drawn = batches.epoch(recipe.seed, done, rows, recipe.batch_size, recipe.residual_noise)
        steps = len(drawn.rows)
        rates = batches.cosine_rates(recipe.learning_rate, done * steps, steps, planned * steps)
        first = self.fitting.step - done * steps
        self.fitting.steps(rates[first:], drawn.cut(first, steps))


def _he_weights(recipe: MlpRecipe, data: TrainingData) -> list[FloatArray]:
    return batches.he_weights(recipe.seed, (data.vectors.shape[1], *recipe.hidden_units, data.classes))


def _standardised(recipe: MlpRecipe, data: TrainingData, rows: RowArray) -> Inputs:
    return inputs_of(recipe, data.vectors, data.labels, rows, data.classes)


def inputs_of(recipe: MlpRecipe, vectors: FloatArray, labels: RowArray, rows: RowArray, classes: int) -> Inputs:
    """Return how vectors go in when these rows of float32[n, d] are trained on."""
    mean, scale = standardisation(vectors, rows, recipe.variance_floor)
    counted = class_weights(recipe.class_weights, labels, rows, classes)
    return Inputs(mean, scale, class_means(vectors, labels, rows, classes), counted)
