"""Between a recipe's document and its message; both leave out what takes the recipe's own value."""

from __future__ import annotations

from typing import Any

from graft.v1 import trainer_pb2 as pb

# Optional scalars that carry the same name in both.
_SCALARS = tuple(field.name for field in pb.Recipe.DESCRIPTOR.fields if field.name not in {"kind", "hidden_units"})


def recipe_document(recipe: pb.Recipe) -> dict[str, Any]:
    """The settings that a request names; `trainer.recipes.from_dict` checks them and fills in the rest."""
    given = {field.name for field, _ in recipe.ListFields()}  # an optional scalar is listed if it was set, 0 included
    document: dict[str, Any] = {name: getattr(recipe, name) for name in _SCALARS if name in given}
    if recipe.kind:
        document["kind"] = recipe.kind
    if recipe.hidden_units:
        document["hidden_units"] = list(recipe.hidden_units)
    return document


def recipe_message(document: dict[str, Any]) -> pb.Recipe:
    """The message of a whole document, as `trainer.recipes.to_dict` writes it."""
    scalars = {name: document[name] for name in _SCALARS if name in document}
    return pb.Recipe(kind=document["kind"], hidden_units=document.get("hidden_units", ()), **scalars)
