"""Recipes as documents: dicts that JSON takes, with `kind` naming the recipe."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

from trainer.recipes.checks import invalid
from trainer.recipes.combined import AutoRecipe, AverageRecipe
from trainer.recipes.gradient import MlpRecipe, SeedRecipe, SoftmaxRecipe
from trainer.recipes.linear import LdaRecipe, LogisticRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

Recipe: TypeAlias = SeedRecipe | SoftmaxRecipe | MlpRecipe | LdaRecipe | LogisticRecipe | AverageRecipe | AutoRecipe

DEFAULT_KIND = AutoRecipe.kind
SETTINGS_KIND = MlpRecipe.kind
"""What a document without a kind means if it has a setting that the default does not know."""

_KINDS: dict[str, type[Recipe]] = {
    cls.kind: cls
    for cls in (AutoRecipe, MlpRecipe, LdaRecipe, LogisticRecipe, AverageRecipe, SoftmaxRecipe, SeedRecipe)
}


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as a JSON-able dict."""
    return {"kind": recipe.kind, **{field.name: _plain(getattr(recipe, field.name)) for field in fields(recipe)}}


def from_dict(plain: Mapping[str, Any]) -> Recipe:
    """Return the recipe in a dict; settings left out take their defaults.

    Without a kind it is `auto`, or `mlp` if it has settings that `auto` does not know.

    Raises:
        InvalidArgumentError: reason INVALID_RECIPE; unknown kind or setting, wrong type, out of range.
    """
    settings = dict(plain)
    kind = settings.pop("kind", None)
    if kind is None:
        kind = DEFAULT_KIND if settings.keys() <= {field.name for field in fields(AutoRecipe)} else SETTINGS_KIND
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise invalid("kind", f"is {kind!r}; it must be one of {', '.join(_KINDS)}")
    known = {field.name for field in fields(cls)}
    for name in settings:
        if name not in known:
            raise invalid(name, f"is no setting of recipe {kind!r}; these are: {', '.join(sorted(known))}")
    for name in ("hidden_units", "members", "factors"):
        if isinstance(settings.get(name), list):
            settings[name] = tuple(settings[name])
    if "members" in settings:
        settings["members"] = tuple(from_dict(member) for member in settings["members"])
    return cls(**settings)


def _plain(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return [each if isinstance(each, (int, float)) else to_dict(each) for each in value]
