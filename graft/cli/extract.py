"""`graft extract`: the vectors of a folder's pictures into a file."""

from __future__ import annotations

import typer

from graft.cli import options, output
from graft.cli.session import session_of
from graft.errors import FailedPreconditionError


def extract(
    context: typer.Context,
    folder: options.Folder,
    out: options.NpzFile,
    views: options.Views = 0,
    view_seed: options.ViewSeed = 0,
) -> None:
    """Write the bottleneck vectors of a folder's pictures to an .npz file for NumPy.

    It holds vectors, digests, names, labels (the first subfolder's name), views and the trunk's fingerprint. A row
    whose number in `views` is 0 is the picture as it is; the rows of its extra views, 1 to K, follow it. Refused
    pictures are listed; the exit code is 0 as long as one vector was written.
    """
    from rich.progress import Progress

    from graft.cli.vectors_file import VectorsFile
    from graft.client import Refusal
    from graft.client.folders import picture_files

    files = list(picture_files(folder)) if folder.is_dir() else []
    if not files:
        raise FailedPreconditionError(f"no pictures in {folder}", reason="NO_PICTURES")
    if not out.absolute().parent.is_dir():
        raise FailedPreconditionError(f"there is no folder {out.absolute().parent}", reason="NO_FOLDER")
    refused: list[Refusal] = []
    with (
        session_of(context).client() as client,
        VectorsFile(out.absolute(), client.trunk().view_rule, view_seed) as vectors,
        Progress(console=output.console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("extracting", total=len(files))
        stream = client.extract_stream(files, views=views, view_seed=view_seed)
        for file, feature in zip(files, stream, strict=True):
            inside = file.relative_to(folder)
            label = inside.parts[0] if len(inside.parts) > 1 else ""
            if feature.error is not None:
                refused.append(Refusal(str(file), label, feature.digest, feature.error))
            else:
                vectors.add(feature, inside.as_posix(), label)
            bar.advance(task)
        count = vectors.count
        if count:
            vectors.finish()
    output.print_refused(refused)
    if not count:
        raise typer.Exit(1)
    of_pictures = f" of {len(files) - len(refused)} pictures" if views else ""
    typer.echo(f"{out}: {count} vectors{of_pictures}")
