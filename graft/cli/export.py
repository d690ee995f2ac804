"""`graft export`: a version and its trunk as one network for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import options, output
from graft.cli.analysing import run
from graft.cli.file_errors import writing
from graft.cli.heads import version_of
from graft.cli.session import session_of

if TYPE_CHECKING:
    from graft.client import Exported


class Format(StrEnum):
    """What can be written."""

    SAVEDMODEL = "savedmodel"
    GRAPHDEF = "graphdef"
    TFLITE = "tflite"
    ONNX = "onnx"


_SUFFIXES: Final = {
    Format.SAVEDMODEL: ".savedmodel",
    Format.GRAPHDEF: ".pb",
    Format.TFLITE: ".tflite",
    Format.ONNX: ".onnx",
}


def export(
    context: typer.Context,
    head: Annotated[
        str,
        typer.Argument(
            metavar="NAME@VERSION", help="A classifier and its version, or an alias of it.", show_default=False
        ),
    ],
    kind: Annotated[Format, typer.Option("--format", help="What to write.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="File, or directory of a SavedModel; NAME-VERSION here if left out."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Compare on this dataset's pictures; those it was trained on if left out.")
    ] = "",
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    json: options.Json = False,
) -> None:
    """Write a version and its trunk as one network that needs nothing of Graft, and compare it with the services.

    The network is loaded back by a process without Graft and run on previews of up to 50 pictures before it is written.
    """
    with session_of(context).client() as client:
        name, version = version_of(client, head)
        path = to or Path(f"{name}-{version}{_SUFFIXES[kind]}")
        with writing(path):
            exported: Exported = run(
                client.export(name, version, kind, path, dataset=dataset, force=force),
                "building and comparing",
                loading="loading the trunk",
            )
    if json:
        output.print_json(exported)
    else:
        _print(exported)


def _print(exported: Exported) -> None:
    beside = f", labels in {exported.labels_path.name}" if exported.labels_path else ""
    typer.echo(f"{exported.path}  {output.size(exported.size_bytes)}, {len(exported.labels)} labels{beside}")
    typer.echo(f"loaded back without Graft and compared on {exported.pictures} previews of {exported.dataset}:")
    facts = {"the same pixels": f"probabilities within {exported.pixels_difference:.1e} of the float32 trunk and head"}
    if exported.service_difference is not None:
        facts["the services"] = (
            f"probabilities within {exported.service_difference:.1e} of those, in {exported.service_precision}"
        )
    if exported.same_labels is not None:
        facts["from bytes"] = (
            f"the services' label first for {exported.same_labels} of {exported.pictures}, "
            f"probabilities within {exported.bytes_difference:.1e} of the services'"
        )
    output.print_facts({f"  {name}": text for name, text in facts.items()})
    if exported.left_out_tensors:
        typer.echo(f"not in it, and only the services apply it: {', '.join(exported.left_out_tensors)}", err=True)
