"""`graft manifest`: a dataset to a table in a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graft.cli import options, output
from graft.cli.importing import finish, shown
from graft.cli.session import session_of
from graft.errors import FailedPreconditionError

app = typer.Typer(no_args_is_help=True, help="Write a dataset to a CSV or JSON lines file, or import one from it.")

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .jsonl file.", show_default=False)]


@app.command("export")
def export(context: typer.Context, dataset: options.Dataset, file: _File) -> None:
    """Write a dataset to a file: digest, label, part and source of each example. No pictures are in it."""
    with session_of(context).client() as client:
        count = client.export_manifest(dataset, file)
    typer.echo(f"{dataset}: {count} examples are in {file}")


@app.command("import")
def import_manifest(
    context: typer.Context,
    dataset: options.Dataset,
    file: _File,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the sources are, if not beside the file.", show_default=False),
    ] = None,
    *,
    json: options.Json = False,
) -> None:
    """Import what a manifest names; the dataset is created if need be, and the parts are those of the manifest.

    Pictures whose vectors are cached need no bytes; the others are read from their sources, beside the file or in
    --pictures. What is missing is listed at the end; the exit code is 0 as long as one picture was taken.
    The same manifest gives the same dataset, as its digest in `graft datasets NAME` shows.
    """
    from graft.client import Manifest

    manifest = Manifest.open(file, pictures)
    if not len(manifest):
        raise FailedPreconditionError(f"no examples in {file}", reason="NO_PICTURES")
    with session_of(context).client() as client:
        client.create_dataset(dataset, exist_ok=True)
        with shown(len(manifest)) as show:
            report = client.import_examples(dataset, manifest, show)
    if json:
        output.print_json(report)
    finish(dataset, report, printed=json)
