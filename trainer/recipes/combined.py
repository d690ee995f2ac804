"""Recipes made of recipes: the average of several heads, and the search that finds what to train."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from trainer.recipes.checks import NO_CLASS_WEIGHTS, check, invalid
from trainer.recipes.gradient import MlpRecipe
from trainer.recipes.linear import LdaRecipe, LogisticRecipe

Member: TypeAlias = LdaRecipe | LogisticRecipe | MlpRecipe
"""What an average may be made of, and `auto` may choose."""

MAX_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class AverageRecipe:
    """A weighted sum of several heads' logits, written as one network (`trainer.fitting.averaging`).

    Attributes:
        members: the recipes of the heads, 1 to 8, trained one after the other on the same examples.
        factors: of each member's logits, above 0; a factor below 1 makes a member less sure of itself.
        views: extra views of each training picture to train on as well; the members' own are not looked at.
        view_seed: what those views were drawn from.
        seed: the members have their own.
    """

    kind: ClassVar[str] = "average"

    members: tuple[Member, ...] = ()
    factors: tuple[float, ...] = ()
    views: int = 0
    view_seed: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)
        if not 1 <= len(self.members) <= MAX_MEMBERS:
            raise invalid("members", f"are {len(self.members)}; there must be 1 to {MAX_MEMBERS}")
        for member in self.members:
            if not isinstance(member, (LdaRecipe, LogisticRecipe, MlpRecipe)):
                raise invalid("members", f"hold a {member.kind!r}; they may be lda, logistic or mlp")
            if isinstance(member, MlpRecipe) and member.workers:
                raise invalid("members", "name workers; an average is trained in the trainer's process")
        if len(self.factors) != len(self.members):
            raise invalid("factors", f"are {len(self.factors)} for {len(self.members)} members")
        if not all(math.isfinite(factor) and factor > 0 for factor in self.factors):
            raise invalid("factors", "must each be above 0")


@dataclass(frozen=True, slots=True)
class AutoRecipe:
    """The default: a search by cross-validation over `lda`, `logistic`, `mlp` and averages of them (`trainer.search`).

    What it chose is trained on training and validation parts together. The version's manifest holds the choice and
    the table of what was tried.

    Attributes:
        time_budget_s: seconds after which no further candidate is begun; the final training comes on top.
        folds: of the cross-validation, 2 to 20; a class with fewer pictures is missing from some.
        class_weights: as in the other recipes, for every candidate; the score then counts every class the same.
        views: extra views of each training picture to train on as well; they must have been imported.
        view_seed: what those views were drawn from.
        seed: of the folds and of everything the candidates draw.
    """

    kind: ClassVar[str] = "auto"

    time_budget_s: float = 30.0
    folds: int = 5
    class_weights: str = NO_CLASS_WEIGHTS
    views: int = 0
    view_seed: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)
