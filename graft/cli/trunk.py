"""`graft trunk`: the trunk's weights on this machine; each command goes on as a process of the extractor's own."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import options  # noqa: TC001 - as above
from graft.cli.session import session_of
from graft.cli.supervisor.stages import environment
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    no_args_is_help=True, help="Look into, fetch, list, check and quantise the trunk's weights on this machine."
)

_MODULE: Final = "feature_extractor.tools"
_PACKAGES: Final = ("h5py", "keras", "PIL")


@app.command("inspect")
def inspect_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A frozen graph (.pb).", show_default=False)],
    *,
    json: options.Json = False,
) -> None:
    """Print the tensors of a frozen graph that can take a picture or be the vector, and what is refused in it."""
    _run(context, "inspect", [str(file.absolute()), *(["--json"] if json else [])])


@app.command()
def fetch(
    context: typer.Context,
    weights: Annotated[str, typer.Argument(metavar="[WEIGHTS]", help="imagenet, nsfwjs or auto.")] = "auto",
) -> None:
    """Bring weights into the home and check them, so that a later start needs no network."""
    _run(context, "fetch", [weights])


@app.command("list")
def list_trunks(context: typer.Context, *, json: options.Json = False) -> None:
    """List the trunks that the home has on record, and the files it keeps for them."""
    _run(context, "list", ["--json"] if json else [])


@app.command()
def verify(context: typer.Context) -> None:
    """Compute the SHA-256 of all weights in the home anew; a wrong or half file is named, and the exit code is 1."""
    _run(context, "verify", [])


@app.command()
def quantize(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--from", metavar="FOLDER", help="Pictures like those to come.", show_default=False)
    ],
    weights: Annotated[str, typer.Option(help="Weights to start from, as the extractor takes them.")] = "auto",
    layer: Annotated[str, typer.Option(help="Layer that is the vector; empty for the weights' own.")] = "",
    pictures: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Pictures to calibrate on.", show_default=False)
    ] = None,
) -> None:
    """Make an 8-bit trunk, calibrated on pictures of your own, and measure what it loses on them."""
    arguments = ["--from", str(folder.absolute()), "--weights", weights]
    arguments += ["--layer", layer] if layer else []
    arguments += ["--pictures", str(pictures)] if pictures else []
    _run(context, "quantize", arguments)


def _run(context: typer.Context, verb: str, arguments: Sequence[str]) -> None:
    """Go on as one of the extractor's tools."""
    _check_installed()
    home = session_of(context).home.absolute()
    # -P: a folder called `feature_extractor` where the user happens to be must not be taken for ours.
    command = [sys.executable, "-P", "-m", _MODULE, verb, "--home", str(home), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    # This process becomes the tool: signals, output and exit code are the tool's own, and nothing can outlive anything.
    os.execve(sys.executable, command, environment())  # noqa: S606 - this interpreter and a module of this project


def _check_installed() -> None:
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise FailedPreconditionError(
            f"this install lacks {', '.join(missing)}: pip install 'graft[extractor]' brings what trunks need",
            reason="NOT_INSTALLED",
        )
