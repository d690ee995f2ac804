"""`graft promote` and `graft rollback`: point an alias of a classifier at a version, and back at the one before."""

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


def rollback(
    context: typer.Context,
    classifier: options.Classifier,
    alias: Annotated[str, typer.Option(help="The alias to move back.")] = "production",
) -> None:
    """Point an alias back at the version that it pointed at before; again, and it goes back one further."""
    with session_of(context).client() as client:
        before = client.classifier(classifier).aliases.get(alias, 0)
        after = client.roll_back(classifier, alias, expected_version=before).aliases[alias]
    typer.echo(f"{classifier}: {alias} is version {after}" + (f" (it was version {before})" if before else ""))
