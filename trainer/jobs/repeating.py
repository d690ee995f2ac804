"""Repeating a version: the recipe that makes the same head again from the same examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from trainer.registry.registry import Registry


def recipe_like(registry: Registry, classifier: str, version: int) -> dict[str, Any]:
    """Return the whole recipe that the version's head was trained by: of one that `auto` made, what it chose.

    Raises:
        NotFoundError: reason VERSION_NOT_FOUND.
    """
    facts: dict[str, Any] = json.loads(registry.get_version(classifier, version).manifest)
    recipe: dict[str, Any] = facts["search"]["chosen"] if "search" in facts else facts["recipe"]
    return recipe


def refuse_both(*, given: bool) -> None:
    """Refuse a request that says how to train twice.

    Args:
        given: whether it has a recipe beside the version to repeat.

    Raises:
        InvalidArgumentError: reason RECIPE_AND_LIKE.
    """
    if given:
        problem = "is set beside like: give a recipe, or a version whose recipe to repeat, not both"
        raise InvalidArgumentError(
            f"recipe {problem}", reason="RECIPE_AND_LIKE", violations=(Violation("recipe", problem),)
        )
