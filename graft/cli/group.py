"""How every command behaves: general options in any place, and one clear line for an error."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from graft.cli.arguments import hoist
from graft.cli.file_errors import sentence
from graft.errors import GraftError


class GraftGroup(TyperGroup):
    """The commands; what they raise as a GraftError becomes one line with its reason on standard error, exit code 1."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, with the general options found wherever they are."""
        return super().parse_args(ctx, hoist(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        _print_anything()
        try:
            return super().invoke(ctx)
        except GraftError as error:
            typer.echo(f"graft: {error.message} [{error.reason}]", err=True)
            for violation in getattr(error, "violations", ()):
                typer.echo(f"  {violation.subject}: {violation.description}", err=True)
            raise typer.Exit(1) from error
        except OSError as error:  # a file or folder of the user's
            if error.errno == errno.EPIPE:
                raise  # nobody reads our output any more; typer ends quietly
            typer.echo(f"graft: {sentence(error)}", err=True)
            raise typer.Exit(1) from error
        except UnicodeEncodeError as error:  # a name on the command line that no service could take
            typer.echo(f"graft: {error.object!r} is not UTF-8", err=True)
            raise typer.Exit(1) from error


def _print_anything() -> None:
    """Let the streams write a character that they cannot hold as an escape: a file's name may be any bytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
