"""Between a recipe's document, or what a search found, and its message; a recipe leaves out what is its own value."""

from __future__ import annotations

from typing import Any

from graft.v1 import trainer_pb2 as pb

_NAMED = {"kind", "hidden_units", "members", "factors", "no_hidden_layers"}
# Optional scalars that carry the same name in both.
_SCALARS = tuple(field.name for field in pb.Recipe.DESCRIPTOR.fields if field.name not in _NAMED)


def recipe_document(recipe: pb.Recipe) -> dict[str, Any]:
    """The settings that a request names; `trainer.recipes.from_dict` checks them and fills in the rest."""
    given = {field.name for field, _ in recipe.ListFields()}  # an optional scalar is listed if it was set, 0 included
    document: dict[str, Any] = {name: getattr(recipe, name) for name in _SCALARS if name in given}
    if recipe.kind:
        document["kind"] = recipe.kind
    if recipe.hidden_units or recipe.no_hidden_layers:
        document["hidden_units"] = list(recipe.hidden_units)
    if recipe.members:
        document["members"] = [recipe_document(member) for member in recipe.members]
    if recipe.factors:
        document["factors"] = list(recipe.factors)
    return document


def recipe_message(document: dict[str, Any]) -> pb.Recipe:
    """The message of a whole document, as `trainer.recipes.to_dict` writes it."""
    scalars = {name: document[name] for name in _SCALARS if name in document}
    return pb.Recipe(
        kind=document["kind"],
        hidden_units=document.get("hidden_units", ()),
        no_hidden_layers=document.get("hidden_units") == [],
        members=[recipe_message(member) for member in document.get("members", ())],
        factors=document.get("factors", ()),
        **scalars,
    )


def search_message(facts: dict[str, Any]) -> pb.Search:
    """What a search found, as `trainer.search.trials.Outcome` writes it."""
    return pb.Search(
        chosen=recipe_message(facts["chosen"]),
        trials=[_trial(trial) for trial in facts["trials"]],
        cut=[recipe_message(recipe) for recipe in facts["cut"]],
        pictures=facts["pictures"],
        folds=facts["folds"],
        seconds=facts["seconds"],
    )


def _trial(trial: dict[str, Any]) -> pb.SearchTrial:
    numbers = {name: trial[name] for name in ("rung", "folds", "accuracy", "log_loss", "seconds")}
    return pb.SearchTrial(recipe=recipe_message(trial["recipe"]), **numbers)
