"""Recipes of networks trained by gradient steps: the talk's own, retrain.py's, and `mlp`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trainer.recipes.checks import NO_CLASS_WEIGHTS, VARIANCE_FLOOR, check


@dataclass(frozen=True, slots=True)
class SeedRecipe:
    """The talk's own head, faithfully: ReLU on every layer, the logits too, and plain gradient descent.

    Weights start as truncated normal, biases at zero; each step takes a batch at random with replacement. Inputs are
    as the trunk gives them. With weights this small and a ReLU on the logits hardly any gradient comes through, and it
    is kept for comparison, not for use: on vectors of `mixed7` of 400 faces and of 416 photographs in 12 classes it
    did no better than chance after 4,000 and after 40,000 steps; with initial_stddev 0.05 it reached 0.17 and 0.63
    after 4,000, where `mlp` has 1.00 and 0.86.

    Attributes:
        hidden_units: widths of the hidden layers.
        initial_stddev: of the truncated normal (values beyond two of it are drawn again).
        learning_rate: of gradient descent.
        steps: gradient steps, a fixed number.
        batch_size: examples a step.
        report_every: steps between two looks at the validation part, which are reports of progress too.
        class_weights: `none`, or `balanced`: the loss of an example counts in inverse proportion to its class's share.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        workers: processes that share the work, 0 to 16; 0 is the trainer's own alone. 1 is too, and makes what 2 make.
        seed: of the weights and the batches, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "seed"

    hidden_units: tuple[int, ...] = (512, 128)
    initial_stddev: float = 0.001
    learning_rate: float = 0.01
    steps: int = 4000
    batch_size: int = 100
    report_every: int = 200
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class SoftmaxRecipe:
    """One layer and a softmax, trained as TensorFlow's retrain.py did.

    Attributes:
        initial_stddev: of the truncated normal that the weights start as; biases start at zero.
        learning_rate: of gradient descent.
        steps: gradient steps, a fixed number.
        batch_size: examples a step, taken at random with replacement.
        report_every: steps between two looks at the validation part, which are reports of progress too.
        class_weights: `none`, or `balanced`: the loss of an example counts in inverse proportion to its class's share.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        workers: processes that share the work, 0 to 16; 0 is the trainer's own alone. 1 is too, and makes what 2 make.
        seed: of the weights and the batches, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "softmax"

    initial_stddev: float = 0.001
    learning_rate: float = 0.01
    steps: int = 4000
    batch_size: int = 100
    report_every: int = 200
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class MlpRecipe:
    """Two hidden ReLU layers on standardised inputs, made for sets of some hundred pictures.

    He initialiser, AdamW with a cosine learning rate, dropout, and residual noise: to each training vector is added
    the difference between other examples and the mean of their own class, which teaches the network in which
    directions pictures of one class differ (what linear discriminant analysis learns from the pooled covariance).
    Fitting stops when the validation loss no longer falls; then the same network is trained once more, from the
    start, on training and validation parts together for the epochs found.

    Attributes:
        hidden_units: widths of the hidden layers.
        learning_rate: of AdamW at the start; it falls to 0 along a half cosine over the epochs.
        weight_decay: decoupled, a step: weight -= rate * weight_decay * weight. Biases are left alone.
        dropout: share of hidden units dropped in training, 0 to below 1.
        label_smoothing: share of the target spread over all classes, 0 to below 1.
        residual_noise: standard deviation of the factor on another example's residual; 0 turns it off.
        variance_floor: part of the mean variance that is added to each dimension's before inputs are divided by their
            deviation; 0 is plain standardisation, a large one gives all dimensions one scale.
        epochs: passes over training and validation parts together, once and for all; 0 finds the number first.
        max_epochs: passes over the training part at most.
        max_steps: gradient steps at most, so that a very large set takes fewer passes; one pass is always made.
        patience: epochs without a better validation loss after which fitting stops.
        batch_size: examples a step; an epoch is a new order of all examples.
        class_weights: `none`, or `balanced`: the loss of an example counts in inverse proportion to its class's share.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        workers: processes that share the work, 0 to 16; 0 is the trainer's own alone. 1 is too, and makes what 2 make.
        seed: of everything drawn, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "mlp"

    hidden_units: tuple[int, ...] = (512, 128)
    learning_rate: float = 0.0015
    weight_decay: float = 0.01
    dropout: float = 0.2
    label_smoothing: float = 0.0
    residual_noise: float = 1.0
    variance_floor: float = VARIANCE_FLOOR
    epochs: int = 0
    max_epochs: int = 60
    max_steps: int = 20_000
    patience: int = 20
    batch_size: int = 64
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)
