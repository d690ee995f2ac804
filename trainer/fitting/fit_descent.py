"""Recipes `seed` and `softmax`: a fixed number of plain gradient steps on raw inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.fitting import batches
from trainer.fitting.class_weights import class_weights
from trainer.fitting.held_vectors import held
from trainer.fitting.network_method import Inputs, Method
from trainer.fitting.network_training import TrainedNetwork
from trainer.recipes import SeedRecipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.fitting.fitting import Fitting
    from trainer.recipes import SoftmaxRecipe

_BLOCK = 200
"""Steps whose batches are drawn at once, from a stream of their own: reporting more often changes no weight."""


def fit_descent(
    recipe: SeedRecipe | SoftmaxRecipe,
    data: TrainingData,
    fitting: Fitting,
    network_type: Callable[..., TrainedNetwork] = TrainedNetwork,
) -> FittedHead:
    """Do the recipe's steps, and measure on the validation part every `report_every` of them."""
    dimensions = data.vectors.shape[1]
    hidden = recipe.hidden_units if isinstance(recipe, SeedRecipe) else ()
    weights = batches.truncated_normal_weights(recipe.seed, (dimensions, *hidden, data.classes), recipe.initial_stddev)
    zeros, ones = np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32)
    counted = class_weights(recipe.class_weights, data.labels, data.training, data.classes)
    raw = Inputs(zeros, ones, np.zeros((data.classes, dimensions), np.float32), counted)
    method = Method(
        adam=False, relu_logits=isinstance(recipe, SeedRecipe), weighted=counted is not None, seed=recipe.seed
    )
    network = network_type(held(data.vectors), tf.constant(data.labels), weights, raw, method)
    fitting.begin(network)
    while fitting.step < recipe.steps:
        start = fitting.step - fitting.step % _BLOCK
        drawn = batches.with_replacement(
            recipe.seed, start, min(_BLOCK, recipe.steps - start), data.training, recipe.batch_size
        )
        end = start + len(drawn.rows)
        while fitting.step < end:
            due = fitting.step + recipe.report_every - fitting.step % recipe.report_every
            stop = min(due, end)
            rates = np.full(stop - fitting.step, recipe.learning_rate, np.float32)
            fitting.steps(rates, drawn.cut(fitting.step - start, stop - start))
            if stop in {due, recipe.steps}:
                score = network.score(data.validation)
                fitting.report(recipe.steps, 0, score.loss, score.accuracy)
            else:
                fitting.checkpoint()
    return fitting.finish(raw, 0, f"did the recipe's {recipe.steps} steps")
