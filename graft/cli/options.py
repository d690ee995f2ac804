"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Dataset: TypeAlias = Annotated[str, typer.Argument(help="Name of the dataset.", show_default=False)]
Classifier: TypeAlias = Annotated[str, typer.Argument(help="Name of the classifier.", show_default=False)]
JobId: TypeAlias = Annotated[str, typer.Argument(help="Id of the job; `graft jobs` lists them.", show_default=False)]
Folder: TypeAlias = Annotated[Path, typer.Argument(help="A folder of pictures.", show_default=False)]
Pictures: TypeAlias = Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Files.", show_default=False)]
NpzFile: TypeAlias = Annotated[Path, typer.Option(metavar="FILE.npz", help="File to write.", show_default=False)]
