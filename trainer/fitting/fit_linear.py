"""Recipes `lda` and `logistic`: one linear layer, fitted to training and validation parts together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import CancelledError
from trainer.fitting.class_weights import class_weights
from trainer.fitting.discriminant import LEDOIT_WOLF, Discriminant
from trainer.fitting.fit import FittedHead
from trainer.fitting.logistic import LogisticRegression
from trainer.jobs.progress import Phase, Progress
from trainer.recipes import BALANCED

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.fit import TrainingData
    from trainer.recipes import LdaRecipe, LogisticRecipe


def fit_lda(
    recipe: LdaRecipe, data: TrainingData, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
) -> FittedHead:
    """Fit; there are no steps to stop at. The reason names the shrinkage that was used."""
    rows = _both(data)
    look = _raising(cancelled)
    discriminant = Discriminant(
        data.vectors, data.labels, rows, data.classes, balanced=recipe.class_weights == BALANCED, look=look
    )
    network = discriminant.network(recipe.shrinkage)
    progress = Progress(Phase.FITTING, 1, 1)
    on_progress(progress)
    look()
    estimated = recipe.shrinkage == LEDOIT_WOLF
    used = f"Ledoit and Wolf's estimate {discriminant.ledoit_wolf:.4f}" if estimated else f"{recipe.shrinkage:g}"
    return FittedHead(network, 0, 0, f"solved exactly, shrinkage {used}", (progress,))


def fit_logistic(
    recipe: LogisticRecipe, data: TrainingData, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
) -> FittedHead:
    """Minimise; `steps` of the head are L-BFGS's iterations."""
    rows = _both(data)
    look = _raising(cancelled)
    weights = class_weights(recipe.class_weights, data.labels, rows, data.classes)
    history: list[Progress] = []

    def report(iteration: int, loss: float) -> None:
        history.append(Progress(Phase.FITTING, iteration, recipe.max_iterations, 0, loss))
        on_progress(history[-1])
        look()

    regression = LogisticRegression(data.vectors, data.labels, rows, data.classes, recipe.variance_floor, weights)
    network = regression.network(recipe.l2, recipe.max_iterations, None, report, look)
    done = len(history)
    reason = "converged" if done < recipe.max_iterations else "did the recipe's iterations"
    if not all(math.isfinite(progress.loss or 0) for progress in history):
        reason = "stopped at a loss that is not finite"
    return FittedHead(network, done, 0, f"{reason}: {done}", tuple(history))


def _both(data: TrainingData) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.sort(np.concatenate([data.training, data.validation]))


def _raising(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def look() -> None:
        if cancelled():
            raise CancelledError("the training was cancelled", reason="JOB_CANCELLED")

    return look
