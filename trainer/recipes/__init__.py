"""Recipes: how a head is trained, as small documents that a version's manifest holds and that can be repeated."""

from __future__ import annotations

from trainer.recipes.checks import BALANCED, NO_CLASS_WEIGHTS, VARIANCE_FLOOR
from trainer.recipes.combined import AutoRecipe, AverageRecipe, Member
from trainer.recipes.documents import Recipe, from_dict, to_dict
from trainer.recipes.gradient import MlpRecipe, SeedRecipe, SoftmaxRecipe
from trainer.recipes.linear import LdaRecipe, LogisticRecipe

__all__ = [
    "BALANCED",
    "NO_CLASS_WEIGHTS",
    "VARIANCE_FLOOR",
    "AutoRecipe",
    "AverageRecipe",
    "LdaRecipe",
    "LogisticRecipe",
    "Member",
    "MlpRecipe",
    "Recipe",
    "SeedRecipe",
    "SoftmaxRecipe",
    "from_dict",
    "to_dict",
]
