"""Recipes of heads that are one linear layer, found without gradient steps on batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trainer.recipes.checks import NO_CLASS_WEIGHTS, VARIANCE_FLOOR, check


@dataclass(frozen=True, slots=True)
class LdaRecipe:
    """Linear discriminant analysis with a shrunken covariance (`trainer.fitting.discriminant`).

    It reads training and validation parts once and is hard to beat on few pictures.

    Attributes:
        shrinkage: share of its diagonal part in the covariance, above 0 to 1; 0 takes Ledoit and Wolf's estimate.
        class_weights: `none`, or `balanced`: every class is as likely before the picture was seen.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        seed: nothing is random here.
    """

    kind: ClassVar[str] = "lda"

    shrinkage: float = 0.0
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class LogisticRecipe:
    """Multinomial logistic regression with an L2 penalty on standardised inputs (`trainer.fitting.logistic`).

    Attributes:
        l2: the penalty on the weights beside the summed loss; scikit-learn's C is 1 / l2.
        max_iterations: of L-BFGS at most.
        variance_floor: part of the mean variance that is added to each dimension's before inputs are divided by their
            deviation; 0 is plain standardisation, a large one gives all dimensions one scale.
        class_weights: `none`, or `balanced`: the loss of an example counts in inverse proportion to its class's share.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        seed: nothing is random here.
    """

    kind: ClassVar[str] = "logistic"

    l2: float = 10.0
    max_iterations: int = 200
    variance_floor: float = VARIANCE_FLOOR
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)
