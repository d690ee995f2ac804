"""Between the messages of recipes and searches and graft.client.job_records."""

from __future__ import annotations

from typing import Any, Final

from graft.client.job_records import Recipe, Search, Trial
from graft.v1 import trainer_pb2

_NAMED: Final = {"kind", "hidden_units", "members", "factors", "no_hidden_layers"}
_SCALARS: Final = tuple(field.name for field in trainer_pb2.Recipe.DESCRIPTOR.fields if field.name not in _NAMED)


def recipe(wire: trainer_pb2.Recipe) -> Recipe:
    """Return a recipe; what is unset on the wire is None."""
    scalars: dict[str, Any] = {name: getattr(wire, name) for name in _SCALARS if wire.HasField(name)}  # type: ignore[arg-type] # names of its fields
    return Recipe(
        kind=wire.kind,
        hidden_units=tuple(wire.hidden_units),
        members=tuple(recipe(member) for member in wire.members),
        factors=tuple(wire.factors),
        no_hidden_layers=wire.no_hidden_layers,
        **scalars,
    )


def wire_recipe(own: Recipe) -> trainer_pb2.Recipe:
    """Return the message of a recipe; None is left unset."""
    return trainer_pb2.Recipe(
        kind=own.kind,
        hidden_units=own.hidden_units,
        members=[wire_recipe(member) for member in own.members],
        factors=own.factors,
        no_hidden_layers=own.no_hidden_layers,
        **{name: value for name in _SCALARS if (value := getattr(own, name)) is not None},
    )


def search(wire: trainer_pb2.Search) -> Search:
    """Return what a search found."""
    trials = tuple(
        Trial(recipe(each.recipe), each.rung, each.folds, each.accuracy, each.log_loss, each.seconds)
        for each in wire.trials
    )
    cut = tuple(recipe(each) for each in wire.cut)
    return Search(recipe(wire.chosen), trials, cut, wire.pictures, wire.folds, wire.seconds)
