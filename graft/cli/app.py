"""The `graft` command put together: options that every command takes, and the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graft.cli import (
    cache,
    classify,
    compare,
    delete,
    doctor,
    export,
    extract,
    importing,
    labels,
    learning_curve,
    lists,
    manifest,
    promote,
    report,
    sample,
    status,
    train,
    trunk,
    up,
)
from graft.cli.group import GraftGroup
from graft.cli.session import Session, checked_address

_HELP = """Image classifiers by transfer learning: a frozen Inception-V3, and a small head trained on your pictures.

`graft up` starts the services; `graft sample`, `graft import`, `graft train` and `graft classify` use them. The options
--gateway and --home may also follow a command.
"""


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        from importlib.metadata import version

        typer.echo(f"graft {version('graft')}")
        raise typer.Exit


app = typer.Typer(
    cls=GraftGroup,
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    gateway: Annotated[
        str,
        typer.Option(
            envvar="GRAFT_GATEWAY",
            metavar="HOST:PORT",
            help="Address of the gateway; without it that of the services under the home, or 127.0.0.1:50050.",
        ),
    ] = "",
    home: Annotated[
        Path, typer.Option(envvar="GRAFT_HOME", help="Directory that holds all state of the services on this machine.")
    ] = Path("~/.graft"),
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Remember the options; they may also follow the command."""
    context.obj = Session(checked_address(gateway), home.expanduser())


app.command("up")(up.up)
app.command("status")(status.status)
app.command("sample")(sample.sample)
app.command("import")(importing.import_pictures)
app.command("relabel")(labels.relabel)
app.command("merge")(labels.merge)
app.command("doctor")(doctor.doctor)
app.command("train")(train.train)
app.command("watch")(train.watch)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("learning-curve")(learning_curve.learning_curve)
app.command("cancel")(train.cancel)
app.command("classify")(classify.classify)
app.command("extract")(extract.extract)
app.command("datasets")(lists.datasets)
app.command("jobs")(lists.jobs)
app.command("classifiers")(lists.classifiers)
app.command("promote")(promote.promote)
app.command("export")(export.export)
app.command("rollback")(promote.rollback)
app.add_typer(cache.app, name="cache")
app.add_typer(delete.app, name="delete")
app.add_typer(manifest.app, name="manifest")
app.add_typer(trunk.app, name="trunk")
