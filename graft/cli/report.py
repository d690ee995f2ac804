"""`graft report`: what there is to know of a version, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graft.cli.analysing import run, write_page
from graft.cli.heads import version_of
from graft.cli.session import session_of


def report(
    context: typer.Context,
    head: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]",
            help="A classifier, and its version or an alias of it; production if left out.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; NAME-VERSION.html here if left out.")
    ] = None,
) -> None:
    """Write a report of a version: accuracy, confusions, calibration, worst mistakes, what was searched, its dataset.

    One HTML file with everything inside; open it in a browser.
    """
    with session_of(context).client() as client:
        name, version = version_of(client, head)
        page = run(client.report(name, version), "looking through the dataset")
    write_page(to or Path(f"{name}-{version}.html"), page)
