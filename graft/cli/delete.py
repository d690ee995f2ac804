"""`graft delete`: takes away datasets, examples, classifiers and versions, after asking."""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli import options  # noqa: TC001 - typer reads the annotations at run time
from graft.cli.session import session_of
from graft.errors import InvalidArgumentError

app = typer.Typer(no_args_is_help=True, help="Delete a dataset, examples, a classifier or a version, for good.")

_DIGEST_HEX = 64


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
    raw = [_digest(each) for each in digests]
    _ask(f"remove {len(raw)} pictures from dataset {name}", yes=yes)
    with session_of(context).client() as client:
        removed = client.remove_examples(name, raw)
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


def _digest(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(text) != _DIGEST_HEX or not raw:
        raise InvalidArgumentError(f"{text!r} is not a SHA-256 in 64 hexadecimal digits", reason="INVALID_DIGEST")
    return raw
