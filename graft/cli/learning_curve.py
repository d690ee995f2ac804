"""`graft learning-curve`: how accuracy grows with the number of pictures, and how many a wished accuracy takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from graft.cli import options, output
from graft.cli.analysing import run, write_page
from graft.cli.session import session_of

if TYPE_CHECKING:
    from graft.client import LearningCurve

_WIDTH = 40


def learning_curve(
    context: typer.Context,
    dataset: options.Dataset,
    recipe: Annotated[str, typer.Option(help="How to train; as in `graft train`.")] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything random.")] = None,
    counts: Annotated[
        str, typer.Option(metavar="N,N", help="Pictures a class, for example 5,10,20; as far as the dataset goes.")
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Draws for each number.")] = 3,
    wish: Annotated[
        float, typer.Option(metavar="SHARE", help="The accuracy that the number of pictures is wanted for.")
    ] = 0.93,
    page: options.Page = None,
    *,
    json: options.Json = False,
) -> None:
    """Show how accuracy grows with the number of pictures, and how many a wished accuracy takes.

    Trains on sets of several sizes, several draws of each, and tests each on the test part.
    """
    from graft.client import Recipe

    with session_of(context).client() as client:
        asked = client.learning_curve(
            dataset,
            Recipe(kind=recipe, seed=seed),
            counts=_numbers(counts),
            repeats=repeats,
            wished_accuracy=wish,
            page=page is not None,
        )
        curve: LearningCurve = run(asked, "training")
    if page is not None:
        write_page(page, curve.page)
    if json:
        output.print_json({key: value for key, value in _facts(curve).items() if key != "page"})
        return
    _print(curve)


def _print(curve: LearningCurve) -> None:
    rows = [
        (
            each.pictures_per_class,
            each.pictures,
            output.percent(each.accuracy),
            f"{output.percent(each.accuracy_low)} to {output.percent(each.accuracy_high)}",
            "█" * round(_WIDTH * each.accuracy),
        )
        for each in curve.points
    ]
    output.print_table(["#pictures a class", "#in all", "#accuracy", "#95 % interval", ""], rows, "no points")
    typer.echo(f"\nrecipe {curve.recipe.kind}, tested on {curve.test_examples} pictures that no training saw")
    wish, needed = output.percent(curve.wished_accuracy), curve.pictures_needed_per_class
    if needed is None:
        typer.echo(f"how many pictures {wish} takes cannot be told from this curve")
    else:
        guess = ", a guess beyond what was measured" if curve.needed_is_extrapolated else ""
        typer.echo(f"{wish} takes about {needed} pictures a class, {needed * curve.labels} in all{guess}")


def _facts(curve: LearningCurve) -> dict[str, Any]:
    plain: dict[str, Any] = output.plain(curve)
    return plain


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",") if each.strip()]
    except ValueError:
        raise typer.BadParameter(f"{text!r}: give whole numbers with commas between them") from None
