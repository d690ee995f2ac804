"""What recipe `auto` tried and chose, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from graft.cli import output

if TYPE_CHECKING:
    from graft.client import Recipe, Search

_NETWORK: Final = ("learning_rate", "weight_decay", "dropout", "residual_noise", "variance_floor", "epochs")
_TOLD: Final = {"lda": ("shrinkage",), "logistic": ("l2",), "mlp": _NETWORK}
"""Settings that candidates of a kind differ in; the rest is in the JSON."""


def print_search(search: Search) -> None:
    """Print the table of what was tried, what was left out, and what was chosen."""
    output.print_table(
        ["#rung", "recipe", "#folds", "#accuracy", "#log loss", "#seconds"],
        [
            (
                trial.rung,
                described(trial.recipe),
                trial.folds,
                output.percent(trial.accuracy),
                f"{trial.log_loss:.4f}",
                f"{trial.seconds:.1f}",
            )
            for trial in search.trials
        ],
        "nothing was tried",
    )
    if search.cut:
        typer.echo(f"no time for {len(search.cut)} more: {'; '.join(described(each) for each in search.cut)}")
    typer.echo(f"chosen on {search.pictures} pictures in {search.seconds:.1f} s: {described(search.chosen)}")


def described(recipe: Recipe) -> str:
    """Return a recipe in a line, for example `mlp 512,128 dropout=0.2`."""
    if recipe.members:
        factors = recipe.factors or (1.0,) * len(recipe.members)
        parts = [f"{factor:.3g} x {described(each)}" for each, factor in zip(recipe.members, factors, strict=True)]
        return " + ".join(parts)
    settings: dict[str, Any] = {name: getattr(recipe, name) for name in _TOLD.get(recipe.kind, ())}
    told = [f"{name}={value:g}" for name, value in settings.items() if value is not None]
    if recipe.kind == "lda" and not recipe.shrinkage:
        told = ["shrinkage by Ledoit and Wolf"]
    return " ".join([recipe.kind, *_shape(recipe), *told])


def _shape(recipe: Recipe) -> list[str]:
    if recipe.hidden_units:
        return [",".join(map(str, recipe.hidden_units))]
    return ["without hidden layers"] if recipe.no_hidden_layers else []
