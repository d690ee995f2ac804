"""`graft delete`: takes away datasets, examples, classifiers and versions, after asking."""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli import options  # noqa: TC001 - typer reads the annotations at run time
from graft.cli.digests import digest_of
from graft.cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Delete a dataset, examples, a classifier or a version, for good.")


@app.command()
def dataset(context: typer.Context, name: options.Dataset, *, yes: options.Yes = False) -> None:
    """Delete a dataset and its examples. Heads trained on it stay, and so do cached vectors."""
    with session_of(context).client() as client:
        count = client.dataset(name).example_count
        _ask(f"delete dataset {name} with {count} examples", yes=yes)
        client.delete_dataset(name)
    typer.echo(f"dataset {name} is deleted")


@app.command()
def examples(
    context: typer.Context,
    name: options.Dataset,
    digests: Annotated[
        list[str], typer.Argument(metavar="DIGEST...", help="SHA-256 in hexadecimal.", show_default=False)
    ],
    *,
    yes: options.Yes = False,
) -> None:
    """Remove examples from a dataset by digest, under every label."""
    raw = [digest_of(each) for each in digests]
    _ask(f"remove {len(raw)} pictures from dataset {name}", yes=yes)
    with session_of(context).client() as client:
        removed = client.remove_examples(name, raw)
    typer.echo(f"{removed} examples removed from {name}")


@app.command()
def labels(
    context: typer.Context,
    name: options.Dataset,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL...", help="Labels to remove.", show_default=False)],
    *,
    yes: options.Yes = False,
) -> None:
    """Remove all examples of some labels from a dataset."""
    with session_of(context).client() as client:
        counts = {each.label: each.train + each.validation + each.test for each in client.dataset(name).label_counts}
        _ask(f"remove {sum(counts.get(each, 0) for each in labels)} examples from dataset {name}", yes=yes)
        removed = client.remove_labels(name, labels)
    typer.echo(f"{removed} examples removed from {name}")


@app.command()
def classifier(context: typer.Context, name: options.Classifier, *, yes: options.Yes = False) -> None:
    """Delete a classifier with all of its versions."""
    with session_of(context).client() as client:
        count = client.classifier(name).version_count
        _ask(f"delete classifier {name} with {count} versions", yes=yes)
        client.delete_classifier(name)
    typer.echo(f"classifier {name} is deleted")


@app.command()
def version(
    context: typer.Context,
    name: options.Classifier,
    number: Annotated[int, typer.Argument(metavar="VERSION", min=1, show_default=False)],
    *,
    yes: options.Yes = False,
) -> None:
    """Delete a version that no alias points to. Its number is not used again."""
    _ask(f"delete version {number} of classifier {name}", yes=yes)
    with session_of(context).client() as client:
        client.delete_version(name, number)
    typer.echo(f"version {number} of {name} is deleted")


def _ask(what: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{what[0].upper()}{what[1:]}?", abort=True, err=True)
