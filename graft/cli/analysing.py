"""What the commands share that have the trainer find something out: a bar, the outcome, a page to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from graft.cli import output
from graft.cli.file_errors import writing
from graft.durable_files import replace_file
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def run(steps: Iterable[Any], doing: str, loading: str = "loading vectors") -> Any:
    """Show the progress of an analysis on standard error until it is done, and return its outcome.

    Args:
        steps: progress, then the outcome.
        doing: what is written beside the bar.
        loading: what is written there before.

    Raises:
        UnavailableError: it ended without an outcome.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from graft.client import Progress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("waiting for its turn", total=None)
        for step in steps:
            if not isinstance(step, Progress):
                return step
            described = loading if step.phase == "loading" else doing
            bar.update(task, description=described, completed=step.done, total=step.total or None)
    raise UnavailableError("the trainer ended without an answer; try again", reason="ANALYSIS_ENDED")


def write_page(path: Path, page: bytes) -> None:
    """Write a page whole or not at all, and say where.

    Raises:
        FailedPreconditionError: CANNOT_WRITE.
    """
    with writing(path):
        replace_file(path, page)
    typer.echo(f"page written to {path}", err=True)
