"""`graft relabel`, `graft merge`: corrects the labels of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli import options, output
from graft.cli.digests import digest_of
from graft.cli.session import session_of


def relabel(
    context: typer.Context,
    dataset: options.Dataset,
    label: Annotated[str, typer.Argument(help="The label that they shall have.", show_default=False)],
    digests: Annotated[
        list[str], typer.Argument(metavar="DIGEST...", help="SHA-256 in hexadecimal.", show_default=False)
    ],
    from_label: Annotated[
        str, typer.Option("--from", metavar="LABEL", help="Change only their examples of this label.")
    ] = "",
    *,
    json: options.Json = False,
) -> None:
    """Give pictures of a dataset another label. Their parts stay; doing it again changes nothing.

    A picture under several labels has only the new one then, unless --from says which to change.
    """
    raw = [digest_of(each) for each in digests]
    with session_of(context).client() as client:
        done = client.relabel(dataset, raw, label, from_label=from_label)
    if json:
        output.print_json(done)
        return
    typer.echo(
        f"{dataset}: {done.relabelled} relabelled, {done.merged} merged into an example that was there, "
        f"{done.absent} not in the dataset"
    )


def merge(
    context: typer.Context,
    dataset: options.Dataset,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL...", help="Labels to give up.", show_default=False)],
    into: Annotated[
        str, typer.Option(metavar="LABEL", help="The label that takes their place, old or new.", show_default=False)
    ],
    *,
    json: options.Json = False,
) -> None:
    """Merge labels of a dataset into one, or rename one. Parts stay; doing it again changes nothing."""
    with session_of(context).client() as client:
        done = client.merge_labels(dataset, labels, into)
    if json:
        output.print_json(done)
        return
    typer.echo(
        f"{dataset}: {done.relabelled} examples are {into} now, {done.merged} were already; "
        f"{done.absent} of the labels were not there"
    )
