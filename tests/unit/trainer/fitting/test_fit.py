"""Fitting with TensorFlow: it learns, it repeats itself exactly, it stops when told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import CancelledError, FailedPreconditionError
from trainer.fitting.fit import TrainingData, fit
from trainer.jobs.progress import Phase, Progress
from trainer.recipes import LdaRecipe, LogisticRecipe, MlpRecipe, SeedRecipe, SoftmaxRecipe
from trainer.registry import heads

if TYPE_CHECKING:
    from trainer.fitting.fit import FittedHead
    from trainer.recipes import Recipe

pytestmark = pytest.mark.tensorflow

_SMALL = MlpRecipe(hidden_units=(64, 32), learning_rate=0.01, max_epochs=15, patience=5)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Return 300 vectors around five centres, non-negative as a trunk's are; every fifth is held out."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 300).astype(np.int32)
    vectors = np.maximum(rng.normal(size=(5, 40))[labels] + rng.normal(0, 0.7, (300, 40)), 0).astype(np.float32)
    rows = np.arange(300, dtype=np.int32)
    return TrainingData(vectors, labels, rows[rows % 5 > 1], rows[rows % 5 == 1], 5)


def _fit(recipe: Recipe, data: TrainingData) -> FittedHead:
    return fit(recipe, data, lambda _: None, lambda: False)


def _accuracy(head: FittedHead, data: TrainingData) -> float:
    held_out = np.arange(0, 300, 5)
    return float((heads.predict(head.network, data.vectors[held_out]).argmax(1) == data.labels[held_out]).mean())


@pytest.mark.parametrize("recipe", [_SMALL, SoftmaxRecipe(steps=400, report_every=100)])
def test_learns(recipe: Recipe, data: TrainingData) -> None:
    """Held-out vectors of well separated classes are told apart."""
    assert _accuracy(_fit(recipe, data), data) > 0.9


@pytest.mark.parametrize(
    "recipe", [_SMALL, SoftmaxRecipe(steps=50), SeedRecipe(hidden_units=(8, 8), steps=50, initial_stddev=0.1)]
)
def test_same_seed_same_weights(recipe: Recipe, data: TrainingData) -> None:
    """Two fits with one seed give the same bytes; another seed gives others."""
    first, second = _fit(recipe, data), _fit(recipe, data)
    assert heads.tensors_bytes(first.network) == heads.tensors_bytes(second.network)
    other = _fit(replace(recipe, seed=1), data)
    assert heads.tensors_bytes(other.network) != heads.tensors_bytes(first.network)


def test_seed_recipe_is_the_talks_own(data: TrainingData) -> None:
    """Two hidden layers, a ReLU on the logits too, nothing standardised, weights where they began with no learning."""
    head = _fit(SeedRecipe(steps=1, learning_rate=1e-9), data)
    assert [layer.weight.shape for layer in head.network.layers] == [(40, 512), (512, 128), (128, 5)]
    assert [layer.activation for layer in head.network.layers] == ["relu"] * 3
    assert (head.network.mean == 0).all()
    assert (head.network.scale == 1).all()
    assert all(np.abs(layer.weight).max() <= 0.002 + 1e-6 for layer in head.network.layers)
    assert all(np.abs(layer.bias).max() < 1e-6 for layer in head.network.layers)


def test_softmax_takes_plain_gradient_steps(data: TrainingData) -> None:
    """One step of one batch moves the bias as the gradient of the cross-entropy says."""
    recipe = SoftmaxRecipe(steps=1, learning_rate=0.5, batch_size=10, initial_stddev=0.0)
    head = _fit(recipe, data)
    from trainer.fitting.batches import with_replacement

    rows = with_replacement(0, 0, 1, data.training, 10).rows[0]
    gradient = 0.2 - np.bincount(data.labels[rows], minlength=5) / 10  # probabilities are equal at the start
    assert head.network.layers[0].bias == pytest.approx(-0.5 * gradient, abs=1e-6)


def test_progress_goes_through_both_phases(data: TrainingData) -> None:
    """An mlp reports each epoch of fitting with its validation numbers, then of refitting without."""
    reports: list[Progress] = []
    head = fit(_SMALL, data, reports.append, lambda: False)
    assert head.history == tuple(reports)
    fitting = [report for report in reports if report.phase is Phase.FITTING]
    refitting = [report for report in reports if report.phase is Phase.REFITTING]
    assert [report.epoch for report in fitting] == list(range(1, len(fitting) + 1))
    assert all(report.validation_loss is not None and report.loss is not None for report in fitting)
    assert len(refitting) == head.epochs
    assert refitting[-1].step == refitting[-1].steps == head.steps


def test_steps_are_bounded(data: TrainingData) -> None:
    """A recipe with fewer steps than its epochs would take makes fewer passes, one at least."""
    assert _fit(replace(_SMALL, batch_size=18, max_steps=25), data).epochs == 2
    assert _fit(replace(_SMALL, batch_size=18, max_steps=1), data).epochs == 1


def test_cancel_ends_the_training(data: TrainingData) -> None:
    """No step is done after the report at which the job is found cancelled."""
    reports: list[Progress] = []
    with pytest.raises(CancelledError):
        fit(_SMALL, data, reports.append, lambda: len(reports) == 2)
    assert len(reports) == 2


def test_divergence_is_named(data: TrainingData) -> None:
    """A learning rate that blows the loss up is refused with advice, not served."""
    wild = replace(data, vectors=data.vectors * np.float32(1e20))
    with pytest.raises(FailedPreconditionError, match="learning_rate") as caught:
        _fit(SoftmaxRecipe(steps=20, learning_rate=100.0, report_every=5), wild)
    assert caught.value.reason == "TRAINING_DIVERGED"


def test_a_class_with_one_example_is_no_obstacle(data: TrainingData) -> None:
    """A class that has a single training example is trained on like any other."""
    labels = data.labels.copy()
    labels[data.training[0]] = 5
    head = _fit(_SMALL, replace(data, labels=labels, classes=6))
    assert heads.predict(head.network, data.vectors[:3]).shape == (3, 6)


def test_class_weights_lift_the_rare_class(data: TrainingData) -> None:
    """With balanced weights a class of few examples is found more often than without."""
    rare = np.flatnonzero(data.labels[data.training] == 4)
    few = replace(data, training=np.delete(data.training, rare[3:]), vectors=data.vectors * np.float32(0.4))
    held_out = np.flatnonzero(data.labels == 4)
    for recipe in (_SMALL, SoftmaxRecipe(steps=300, learning_rate=0.1), LdaRecipe(), LogisticRecipe()):
        plain, balanced = (
            heads.predict(_fit(each, few).network, few.vectors[held_out])[:, 4].mean()
            for each in (recipe, replace(recipe, class_weights="balanced"))
        )
        assert balanced > plain, recipe.kind


def test_named_epochs_are_done_without_looking(data: TrainingData) -> None:
    """A recipe that names its epochs makes just them on both parts, and the validation part is never scored."""
    head = _fit(replace(_SMALL, epochs=4), data)
    assert head.epochs == 4
    assert {report.phase for report in head.history} == {Phase.REFITTING}
    assert head.stop_reason == "did the recipe's 4 epochs"


@pytest.mark.parametrize("recipe", [LdaRecipe(), LdaRecipe(shrinkage=0.5), LogisticRecipe(l2=1.0)])
def test_linear_recipes_learn_and_repeat_themselves(recipe: Recipe, data: TrainingData) -> None:
    """One linear layer tells the classes apart, twice to the same bytes, and reports while it works."""
    reports: list[Progress] = []
    head = fit(recipe, data, reports.append, lambda: False)
    assert _accuracy(head, data) > 0.9
    assert [layer.activation for layer in head.network.layers] == ["linear"]
    assert heads.tensors_bytes(head.network) == heads.tensors_bytes(_fit(recipe, data).network)
    assert head.history == tuple(reports)
    with pytest.raises(CancelledError):
        fit(recipe, data, lambda _: None, lambda: True)


def test_many_rows_are_scored_in_pieces(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """The score of a set that is cut into pieces is that of the whole set."""
    import tensorflow as tf

    from trainer.fitting import batches, network_training
    from trainer.fitting.network_method import Inputs, Method
    from trainer.fitting.network_training import TrainedNetwork

    weights = batches.he_weights(0, (40, 5))
    inputs = Inputs(np.zeros(40, np.float32), np.ones(40, np.float32), np.zeros((5, 40), np.float32))
    network = TrainedNetwork(tf.constant(data.vectors), tf.constant(data.labels), weights, inputs, Method(adam=False))
    rows = np.arange(300, dtype=np.int32)
    whole = network.score(rows)
    monkeypatch.setattr(network_training, "_JUDGED_ROWS", 64)
    other = TrainedNetwork(tf.constant(data.vectors), tf.constant(data.labels), weights, inputs, Method(adam=False))
    pieces = other.score(rows)
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-5)
    assert pieces.standard_error == pytest.approx(whole.standard_error, rel=1e-4)
    assert pieces.accuracy == pytest.approx(whole.accuracy, rel=1e-6)
