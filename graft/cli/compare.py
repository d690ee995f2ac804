"""`graft compare`: ways to classify the same pictures, on the same folds."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft.cli import options, output
from graft.cli.analysing import run
from graft.cli.importing import import_pictures
from graft.cli.session import session_of

if TYPE_CHECKING:
    from graft.client import Comparison

_WIDTH = 30


def compare(
    context: typer.Context,
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|DATASET",
            help="A folder whose subfolders are labels, which is imported first, or a dataset.",
            show_default=False,
        ),
    ],
    dataset: Annotated[str, typer.Option(help="Import the folder into this dataset; its own name if left out.")] = "",
    methods: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Of pixels, hog, seed, softmax, mlp, auto; all if left out.")
    ] = "",
    folds: Annotated[int, typer.Option(min=2, help="How many folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds and the recipes.")] = 0,
    *,
    json: options.Json = False,
) -> None:
    """Compare raw pixels, histograms of gradients and the recipes on the same pictures and folds, with times.

    Each picture is tested once by each method; near duplicates are in one fold. Needs scikit-learn and scikit-image
    where the trainer runs.
    """
    name = pictures
    if Path(pictures).is_dir():
        name = dataset or Path(pictures).resolve().name
        with redirect_stdout(sys.stderr):  # what goes to standard output is the comparison
            import_pictures(context, name, Path(pictures))
    with session_of(context).client() as client:
        asked = [each.strip() for each in methods.split(",") if each.strip()]
        compared: Comparison = run(client.compare(name, asked, folds=folds, seed=seed), "comparing")
    if json:
        output.print_json(compared)
    else:
        _print(compared)


def _print(compared: Comparison) -> None:
    rows = [
        (
            each.name,
            each.description,
            output.percent(each.accuracy),
            f"{output.percent(each.accuracy_low)} to {output.percent(each.accuracy_high)}",
            f"{each.feature_seconds:.1f} s" if each.feature_seconds else "cached",
            f"{each.fit_seconds:.2f} s",
            "█" * round(_WIDTH * each.accuracy),
        )
        for each in compared.methods
    ]
    columns = ["method", "what it is", "#accuracy", "#95 % interval", "#features", "#fit, a fold", ""]
    output.print_table(columns, rows, "nothing was compared")
    typer.echo(
        f"\n{compared.examples} pictures, {compared.labels} classes, {compared.folds} folds that all methods share; "
        "each picture is tested once"
    )
