"""`graft classify`: labels for some pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from graft.cli import options, output
from graft.cli.session import session_of

if TYPE_CHECKING:
    from graft.client import PictureResult


def classify(
    context: typer.Context,
    classifier: options.Classifier,
    pictures: options.Pictures,
    top: Annotated[int, typer.Option(min=0, help="How many labels to show; 0 shows all.")] = 3,
    version: Annotated[int | None, typer.Option(min=1, help="Ask this version.", show_default=False)] = None,
    alias: Annotated[str, typer.Option(help="Ask the version of this alias; `production` if left out.")] = "",
    *,
    json: options.Json = False,
) -> None:
    """Tell what is on some pictures. Exits with 1 if one of them could not be read."""
    with session_of(context).client() as client:
        results = client.classify(classifier, pictures, top_k=top, alias=alias, version=version or 0)
    if json:
        output.print_json(results)
    else:
        rows = [row for result in results for row in _rows(result)]
        answered = {result.version for result in results if result.version}
        output.print_table(["picture", "label", "#probability", "verdict"], rows, "no pictures")
        if answered:
            typer.echo(f"\n{classifier} version {', '.join(map(str, sorted(answered)))}")
        for result in results:
            if result.error:
                typer.echo(f"{result.source}: {output.why(result.error)}", err=True)
    if any(result.error for result in results):
        raise typer.Exit(1)


def _rows(result: PictureResult) -> list[tuple[str, str, str, str]]:
    found = result.classification
    if found is None:
        return [(result.source, "-", "-", "-")]
    return [
        (
            "" if place else result.source,
            each.label,
            output.percent(each.probability),
            "" if place else found.verdict.lower() or "-",
        )
        for place, each in enumerate(found.labels)
    ]
