"""`graft import`: a folder of labelled pictures into a dataset."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from graft.cli import options, output
from graft.cli.session import session_of
from graft.errors import FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graft.client import ImportProgress, ImportReport


def import_pictures(
    context: typer.Context,
    dataset: options.Dataset,
    folder: options.Folder,
    views: options.Views = 0,
    view_seed: options.ViewSeed = 0,
    *,
    own_split: Annotated[
        bool, typer.Option(help="Keep a split of the folder's own: train, val or validation, and test.")
    ] = True,
    json: options.Json = False,
) -> None:
    """Import a folder whose subfolders are labels; the dataset is created if need be.

    A folder of train/LABEL, val/LABEL (or validation/LABEL) and test/LABEL brings its own split, which is kept; where
    val or test is missing, a share of train or of val serves. Any other picture is placed by the trainer, near
    duplicates on one side.
    Links to pictures are followed; links to folders are not, and count as passed over.
    Only pictures that the cache does not hold are sent and computed, so doing it again is quick and changes nothing.
    With --views the vectors of extra views of each picture are computed and kept as well, each of them once.
    Refused pictures are listed at the end; the exit code is 0 as long as one picture was taken.
    """
    from graft.client import Folder
    from graft.client.extra_views import Views

    found = Folder.open(folder, own_split=own_split)
    if not found.pictures:
        raise FailedPreconditionError(
            f"no pictures in the subfolders of {folder}: put each label's pictures into a folder named like the label",
            reason="NO_PICTURES",
        )
    with session_of(context).client() as client:
        if views:
            with suppress(UnavailableError):  # the import waits for an extractor that is away, and checks then
                Views(views, view_seed).check(client.trunk().limits)  # before there is an empty dataset
        client.create_dataset(dataset, exist_ok=True)
        with shown(found.pictures) as show:
            report = client.import_folder(dataset, found, show, views=views, view_seed=view_seed)
    if json:
        output.print_json(report)
    elif found.parts:
        kept = "; ".join(f"{name}/ to {' or '.join(parts)}" for name, parts in found.parts.items())
        typer.echo(f"{dataset}: the folder's own split is kept: {kept} (--no-own-split takes the folders as labels)")
    finish(dataset, report, printed=json)


def finish(dataset: str, report: ImportReport, *, printed: bool) -> None:
    """Say how an import went, unless that is printed already, and exit with 1 if nothing was taken."""
    if not printed:
        rate = report.total / report.seconds if report.seconds else 0.0
        typer.echo(
            f"{dataset}: {report.added} added, {report.unchanged} unchanged, {len(report.refused)} refused; "
            f"{report.computed} computed; {report.seconds:.1f} s, {rate:.1f} pictures/s"
        )
        if report.skipped:
            typer.echo(
                f"{report.skipped} files passed over: not named like a picture, in no subfolder, a link to a folder, "
                "or no regular file"
            )
        output.print_refused(report.refused)
    if len(report.refused) == report.total:
        raise typer.Exit(1)


@contextmanager
def shown(total: int) -> Iterator[Callable[[ImportProgress], None]]:
    """Show how far an import of so many pictures is; a context whose value takes the progress."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} pictures/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=total, rate="-")

        def _show(progress: ImportProgress) -> None:
            doing = "importing"
            if progress.waiting_for:
                doing = f"waiting ({progress.waiting_for.message})"
            elif progress.placing is not None:
                doing = f"placing in the parts of the dataset: {progress.placing:.0%}"
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}" if speed else "-"
            bar.update(task, completed=progress.done, description=doing, rate=rate)

        yield _show
