"""The options of `graft train` that are settings of a recipe."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Kind(StrEnum):
    """The recipes that can be asked for by name; what `auto` made is repeated by --like."""

    AUTO = "auto"
    MLP = "mlp"
    LDA = "lda"
    LOGISTIC = "logistic"
    SOFTMAX = "softmax"
    SEED = "seed"


class ClassWeights(StrEnum):
    """What examples count."""

    NONE = "none"
    BALANCED = "balanced"


Seed: TypeAlias = Annotated[int | None, typer.Option(min=0, help="Seed of everything random.")]
HiddenUnits: TypeAlias = Annotated[
    str, typer.Option(metavar="N,N", help="Units of the hidden layers, for example 512,128, or `none`; mlp and seed.")
]
LearningRate: TypeAlias = Annotated[float | None, typer.Option(help="Step size; mlp, softmax and seed.")]
BatchSize: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Examples in a batch; mlp, softmax and seed.")]
Steps: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Optimiser steps; softmax and seed.")]
ReportEvery: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Steps between two looks at the validation part; softmax and seed.")
]
InitialStddev: TypeAlias = Annotated[float | None, typer.Option(min=0, help="Of the first weights; softmax and seed.")]
Epochs: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Epochs to do, instead of finding their number; mlp.")
]
MaxEpochs: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Most epochs; mlp.")]
MaxSteps: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Most steps; mlp.")]
Patience: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Epochs without improvement before stopping; mlp.")
]
WeightDecay: TypeAlias = Annotated[float | None, typer.Option(min=0, help="Decoupled weight decay; mlp.")]
Dropout: TypeAlias = Annotated[float | None, typer.Option(min=0, max=1, help="Share of hidden units dropped; mlp.")]
LabelSmoothing: TypeAlias = Annotated[float | None, typer.Option(min=0, max=1, help="Label smoothing; mlp.")]
ResidualNoise: TypeAlias = Annotated[float | None, typer.Option(min=0, help="Scale of residual noise; mlp.")]
VarianceFloor: TypeAlias = Annotated[
    float | None, typer.Option(min=0, help="Part of the mean variance added to each dimension's; mlp and logistic.")
]
Shrinkage: TypeAlias = Annotated[
    float | None, typer.Option(min=0, max=1, help="Of the covariance, 0 is Ledoit and Wolf's; lda.")
]
L2: TypeAlias = Annotated[float | None, typer.Option("--l2", min=0, help="Penalty on squared weights; logistic.")]
MaxIterations: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Most iterations; logistic.")]
Folds: TypeAlias = Annotated[int | None, typer.Option(min=2, help="Parts of the cross-validation; auto.")]
TimeBudget: TypeAlias = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="When the search begins nothing more; auto.")
]
Workers: TypeAlias = Annotated[
    int | None, typer.Option(min=0, max=16, metavar="N", help="Processes that share the work; mlp, softmax and seed.")
]
Weights: TypeAlias = Annotated[
    ClassWeights | None, typer.Option("--class-weights", help="Whether every class counts the same.")
]
TrainViews: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, metavar="K", help="Extra views of each picture to train on; imported with --views K."),
]
TrainViewSeed: TypeAlias = Annotated[
    int | None, typer.Option(min=0, max=2**64 - 1, metavar="N", help="What the views were drawn from.")
]
Like: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME@VERSION", help="Train by the recipe of this version, exactly; no other setting.")
]

NO_LAYERS = "none"


def units(text: str) -> tuple[int, ...]:
    """Return the widths that --hidden-units names; none for `none`."""
    parts = [part.strip() for part in text.split(",")] if text and text != NO_LAYERS else []
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r}: give numbers such as 512,128, or none", param_hint="--hidden-units")
    return tuple(map(int, parts))


def version_name(text: str) -> tuple[str, int] | None:
    """Return the classifier and version that --like names; None if it is not given."""
    if not text:
        return None
    match = re.fullmatch(r"(.+)@([1-9][0-9]{0,17})", text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: give a classifier and a version, such as faces@3", param_hint="--like")
    return match[1], int(match[2])
