"""`graft promote`: points an alias of a classifier at a version."""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli import options  # noqa: TC001 - typer reads the annotations at run time
from graft.cli.session import session_of


def promote(
    context: typer.Context,
    classifier: options.Classifier,
    version: Annotated[int, typer.Argument(min=1, help="The version, 1 or more.", show_default=False)],
    alias: Annotated[str, typer.Option(help="The alias to move.")] = "production",
) -> None:
    """Put a version of a classifier into production, or point another alias at it."""
    with session_of(context).client() as client:
        before = client.classifier(classifier).aliases.get(alias, 0)
        client.set_alias(classifier, version, alias, expected_version=before)
    moved = f" (it was version {before})" if before and before != version else ""
    typer.echo(f"{classifier}: {alias} is version {version}{moved}")
