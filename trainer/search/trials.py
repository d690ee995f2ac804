"""What a search found: the table of what was tried, what it chose, and what there was no time for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer import recipes

if TYPE_CHECKING:
    from trainer.recipes import AverageRecipe, Recipe
    from trainer.search.scoring import Score


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate on some folds.

    Attributes:
        recipe: the candidate's whole settings.
        rung: 1 for the first look; those that do well come back on a higher one with more folds.
        folds: how many it was scored on.
        score: over the held-out pictures of all these folds.
        seconds: that this rung took.
    """

    recipe: Recipe
    rung: int
    folds: int
    score: Score
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as the manifest holds it."""
        return {
            "recipe": recipes.to_dict(self.recipe),
            "rung": self.rung,
            "folds": self.folds,
            "accuracy": self.score.accuracy,
            "log_loss": self.score.log_loss,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found.

    Attributes:
        chosen: what to train.
        trials: in the order in which they were made.
        cut: candidates that the time budget left no time for, in their order.
        pictures: how many were cut into folds.
        folds: how many folds there were.
        seconds: that the search took.
    """

    chosen: AverageRecipe
    trials: tuple[Trial, ...]
    cut: tuple[Recipe, ...]
    pictures: int
    folds: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as the manifest holds it."""
        return {
            "chosen": recipes.to_dict(self.chosen),
            "trials": [trial.to_dict() for trial in self.trials],
            "cut": [recipes.to_dict(recipe) for recipe in self.cut],
            "pictures": self.pictures,
            "folds": self.folds,
            "seconds": round(self.seconds, 3),
        }
