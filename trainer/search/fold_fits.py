"""Held-out logits of candidates: each is fitted to all folds but one, and looks at that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.fitting import batches
from trainer.fitting.class_weights import class_weights
from trainer.fitting.discriminant import Discriminant
from trainer.fitting.logistic import LogisticRegression
from trainer.recipes import BALANCED, LdaRecipe, LogisticRecipe, MlpRecipe
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.network_method import Inputs
    from trainer.fitting.network_training import TrainedNetwork
    from trainer.recipes import Member
    from trainer.search.examples import SearchExamples

_SCORED_ROWS = 4096


class FoldFits:
    """Fits candidates to folds; what candidates have in common is computed once a fold.

    Args:
        examples: what they are fitted to.
        look: called between pieces of work, at least a few times a second; it may raise.
    """

    def __init__(self, examples: SearchExamples, look: Callable[[], None]) -> None:
        self._examples, self._look = examples, look
        self._discriminant: tuple[object, Discriminant] | None = None
        self._logistic: tuple[object, LogisticRegression, heads.Network | None] | None = None
        self._networks: tuple[MlpRecipe, TrainedNetwork] | None = None

    def logits(self, candidate: Member, fold: int) -> FloatArray:
        """Return float32[held out, classes] of a candidate fitted without this fold.

        Candidates of one kind that come one after the other for the same fold share work: logistic ones begin where
        the one before ended, so let the strongest penalty come first.
        """
        examples = self._examples
        fitted = examples.fitted(fold)
        if isinstance(candidate, LdaRecipe):
            network = self._lda(candidate, fold, fitted)
        elif isinstance(candidate, LogisticRecipe):
            network = self._regression(candidate, fold, fitted)
        else:
            network = self._mlp(candidate, fitted)
        self._look()
        rows = examples.held_out(fold)
        pieces = [
            heads.logits(network, examples.vectors[rows[start : start + _SCORED_ROWS]])
            for start in range(0, len(rows), _SCORED_ROWS)
        ]
        return np.concatenate(pieces) if pieces else np.empty((0, examples.classes), np.float32)

    def _lda(self, candidate: LdaRecipe, fold: int, fitted: RowArray) -> heads.Network:
        examples, key = self._examples, (fold, candidate.class_weights)
        if self._discriminant is None or self._discriminant[0] != key:
            balanced = candidate.class_weights == BALANCED
            shared = Discriminant(
                examples.vectors, examples.labels, fitted, examples.classes, balanced=balanced, look=self._look
            )
            self._discriminant = (key, shared)
        return self._discriminant[1].network(candidate.shrinkage)

    def _regression(self, candidate: LogisticRecipe, fold: int, fitted: RowArray) -> heads.Network:
        examples, key = self._examples, (fold, candidate.class_weights, candidate.variance_floor)
        if self._logistic is None or self._logistic[0] != key:
            weights = class_weights(candidate.class_weights, examples.labels, fitted, examples.classes)
            shared = LogisticRegression(
                examples.vectors, examples.labels, fitted, examples.classes, candidate.variance_floor, weights
            )
            self._logistic = (key, shared, None)
        _, regression, start = self._logistic
        network = regression.network(candidate.l2, candidate.max_iterations, start, lambda *_: None, self._look)
        self._logistic = (key, regression, network)
        return network

    def _mlp(self, recipe: MlpRecipe, fitted: RowArray) -> heads.Network:
        """Train for the recipe's epochs, as the final training will; the compiled steps serve all folds."""
        from trainer.fitting.fit_mlp import inputs_of

        examples = self._examples
        inputs = inputs_of(recipe, examples.vectors, examples.labels, fitted, examples.classes)
        network = self._started(recipe, inputs)
        done = 0
        for number in range(recipe.epochs):
            drawn = batches.epoch(recipe.seed, number, fitted, recipe.batch_size, recipe.residual_noise)
            steps = len(drawn.rows)
            rates = batches.cosine_rates(recipe.learning_rate, done, steps, recipe.epochs * steps)
            network.run(done, rates, drawn)
            done += steps
            self._look()
        return heads.Network(inputs.mean, inputs.scale, tuple(heads.Layer(*arrays) for arrays in network.arrays()))

    def _started(self, recipe: MlpRecipe, inputs: Inputs) -> TrainedNetwork:
        import tensorflow as tf

        from trainer.fitting.fit_mlp import method_of
        from trainer.fitting.network_training import TrainedNetwork

        examples = self._examples
        sizes = (examples.vectors.shape[1], *recipe.hidden_units, examples.classes)
        weights = batches.he_weights(recipe.seed, sizes)
        if self._networks is None or self._networks[0] != recipe:
            vectors, labels = tf.constant(examples.vectors), tf.constant(examples.labels)
            network = TrainedNetwork(vectors, labels, weights, inputs, method_of(recipe))
            self._networks = (recipe, network)
        else:
            network = self._networks[1]
            network.restart(weights, inputs)
        return network
