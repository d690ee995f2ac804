"""How a network is trained: the method of its steps, how vectors go in, and how it scores. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray


@dataclass(frozen=True, slots=True)
class Method:
    """How a step is made.

    Attributes:
        adam: AdamW (Loshchilov and Hutter, 2019) if true, plain gradient descent if not.
        weight_decay: decoupled decay of the weights, times the learning rate, a step; for AdamW.
        dropout: share of hidden units dropped.
        label_smoothing: share of the target spread over all classes.
        relu_logits: a ReLU on the last layer too.
        residuals: add the residuals of each example's partners.
        weighted: count the loss of each example by its class.
        seed: of the dropout.
    """

    adam: bool
    weight_decay: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    relu_logits: bool = False
    residuals: bool = False
    weighted: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """How the vectors go into a network.

    Attributes:
        mean: float32[d], subtracted.
        scale: float32[d], divided by.
        class_means: float32[classes, d] of the raw vectors: a residual is a vector less the mean of its class.
        class_weights: float32[classes], what an example of each class counts in the loss; None is 1.
    """

    mean: FloatArray
    scale: FloatArray
    class_means: FloatArray
    class_weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How a network does on some examples.

    Attributes:
        loss: mean cross-entropy, in nats.
        standard_error: of that mean.
        accuracy: share that is right, 0 to 1.
    """

    loss: float
    standard_error: float
    accuracy: float
