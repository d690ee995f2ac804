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
Views: TypeAlias = Annotated[
    int, typer.Option(min=0, metavar="K", help="Extra views of each picture: mirrored, cropped, scaled, brightened.")
]
ViewSeed: TypeAlias = Annotated[
    int,
    typer.Option(min=0, max=2**64 - 1, metavar="N", help="What the views are drawn from, beside the picture itself."),
]
Page: TypeAlias = Annotated[
    Path | None, typer.Option("--page", metavar="FILE", help="Write it as a self-contained HTML page, too.")
]
NpzFile: TypeAlias = Annotated[Path, typer.Option(metavar="FILE.npz", help="File to write.", show_default=False)]
