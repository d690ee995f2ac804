"""Recipes `average` and `auto`: several heads trained one after the other, and the search for what to train."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from graft.errors import CancelledError
from trainer.fitting.averaging import averaged
from trainer.fitting.fit import FittedHead, fit
from trainer.jobs.progress import Progress
from trainer.recipes import from_dict, to_dict
from trainer.search.search import search

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.checkpoints import Checkpoints
    from trainer.fitting.fit import TrainingData
    from trainer.recipes import AutoRecipe, AverageRecipe


def fit_average(
    recipe: AverageRecipe,
    data: TrainingData,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    checkpoints: Checkpoints,
) -> FittedHead:
    """Fit the members and join them; a checkpoint is of the member whose recipe it names."""
    fitted = [fit(member, data, on_progress, cancelled, checkpoints) for member in recipe.members]
    network = averaged([each.network for each in fitted], recipe.factors)
    reasons = [f"{member.kind}: {each.stop_reason}" for member, each in zip(recipe.members, fitted, strict=True)]
    return FittedHead(
        network,
        sum(each.steps for each in fitted),
        max(each.epochs for each in fitted),
        "; ".join(reasons),
        tuple(progress for each in fitted for progress in each.history),
    )


def fit_auto(
    recipe: AutoRecipe,
    data: TrainingData,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    checkpoints: Checkpoints,
) -> FittedHead:
    """Search, then fit what was chosen: the very head that training the chosen recipe by itself gives.

    How far a search comes is a matter of time, so a job that goes on does not search again.
    """
    history: list[Progress] = []

    def look() -> None:
        if cancelled():
            raise CancelledError("the training was cancelled", reason="JOB_CANCELLED")

    def report(progress: Progress) -> None:
        history.append(progress)
        on_progress(progress)
        look()

    known = checkpoints.recall("search")
    if known is None or known["recipe"] != to_dict(recipe):
        found = search(recipe, data, report, look)
        known = {
            "recipe": to_dict(recipe),
            "chosen": to_dict(found.chosen),
            "found": found.to_dict(),
            "history": [each.to_dict() for each in history],
        }
        checkpoints.remember("search", known)
    fitted = fit(from_dict(known["chosen"]), data, on_progress, cancelled, checkpoints)
    searched = (Progress.from_dict(each) for each in known["history"])
    return replace(fitted, history=(*searched, *fitted.history), search=known["found"])
