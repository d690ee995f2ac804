"""What the trainer tells of methods that it compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComparedMethod:
    """What a method came to; accuracies 0 to 1.

    Attributes:
        name: of the method.
        description: what it is.
        accuracy: on all pictures, each tested once.
        accuracy_low: lower end of its 95 % Wilson interval.
        accuracy_high: upper end.
        accuracies: on each fold.
        feature_seconds: for making the features of all pictures; 0 for recipes, whose vectors are cached.
        fit_seconds: for fitting and answering, the mean of a fold.
    """

    name: str
    description: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    accuracies: tuple[float, ...]
    feature_seconds: float
    fit_seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods compared on the same folds.

    Attributes:
        dataset: its name.
        examples: how many it has.
        labels: how many classes.
        folds: how many.
        seed: of folds and recipes.
        methods: those made by hand first, then the recipes.
    """

    dataset: str
    examples: int
    labels: int
    folds: int
    seed: int
    methods: tuple[ComparedMethod, ...]
