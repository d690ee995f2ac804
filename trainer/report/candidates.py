"""What a search tried, as rows of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Trial = dict[str, Any]


def rows(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials of a manifest, those on most folds and with the least loss first.

    Of a recipe only those settings are left in which candidates of its kind differ: the others tell nothing apart.
    """
    values: dict[tuple[str, str], list[Any]] = {}
    for trial in trials:
        for name, value in trial["recipe"].items():
            seen = values.setdefault((trial["recipe"]["kind"], name), [])
            if value not in seen:
                seen.append(value)
    ordered = sorted(trials, key=lambda each: (-each["folds"], each["log_loss"]))
    return [{**trial, "recipe": _telling(trial["recipe"], values)} for trial in ordered]


def _telling(recipe: dict[str, Any], values: dict[tuple[str, str], list[Any]]) -> dict[str, Any]:
    kept = {"kind", "members"}
    return {name: value for name, value in recipe.items() if name in kept or len(values[recipe["kind"], name]) > 1}
