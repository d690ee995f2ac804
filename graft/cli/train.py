"""`graft train`, `graft watch`, `graft cancel`: training jobs."""

from __future__ import annotations

import time
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import options, output
from graft.cli.course import follow
from graft.cli.session import session_of
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from graft.client import Client, Job

_SERVED_LIMIT_S: Final = 10.0
_INTERRUPTED: Final = 130


class Kind(StrEnum):
    """The recipes."""

    SEED = "seed"
    SOFTMAX = "softmax"
    MLP = "mlp"


def train(
    context: typer.Context,
    dataset: options.Dataset,
    classifier: Annotated[
        str, typer.Option(help="Add a version to this classifier; the dataset's name if left out.")
    ] = "",
    recipe: Annotated[Kind, typer.Option(help="How to train.")] = Kind.MLP,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything random.")] = None,
    hidden_units: Annotated[
        str, typer.Option(metavar="N,N", help="Units of the hidden layers, for example 512,128.")
    ] = "",
    learning_rate: Annotated[float | None, typer.Option(help="Step size.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Examples in a batch.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; seed and softmax.")] = None,
    max_epochs: Annotated[int | None, typer.Option(min=1, help="Most epochs; mlp.")] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Epochs without improvement before stopping; mlp.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="Decoupled weight decay; mlp.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=1, help="Share of hidden units dropped; mlp.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(min=0, max=1, help="Label smoothing; mlp.")] = None,
    residual_noise: Annotated[float | None, typer.Option(min=0, help="Scale of residual noise; mlp.")] = None,
    *,
    json: options.Json = False,
) -> None:
    """Train a classifier on a dataset and wait for it, showing loss and accuracy.

    Ctrl-C leaves the job running. Exits with 1 if the job fails.
    """
    from graft.client import Recipe

    asked = Recipe(
        kind=recipe.value,
        seed=seed,
        hidden_units=_units(hidden_units),
        learning_rate=learning_rate,
        batch_size=batch_size,
        steps=steps,
        max_epochs=max_epochs,
        patience=patience,
        weight_decay=weight_decay,
        dropout=dropout,
        label_smoothing=label_smoothing,
        residual_noise=residual_noise,
    )
    with session_of(context).client() as client:
        job = client.train(dataset, classifier, asked)
        _watch(client, job.job_id, json=json)


def watch(context: typer.Context, job_id: options.JobId, *, json: options.Json = False) -> None:
    """Show a job from its beginning until it ends. Exits with 1 if it did not succeed."""
    with session_of(context).client() as client:
        _watch(client, job_id, json=json)


def cancel(context: typer.Context, job_id: options.JobId) -> None:
    """Cancel a job that is waiting or running."""
    with session_of(context).client() as client:
        job = client.cancel(job_id)
    typer.echo(f"job {job.job_id}: {job.state.value}" if job.ended else f"job {job.job_id} is being cancelled")


def _watch(client: Client, job_id: str, *, json: bool) -> None:
    try:
        job = follow(client, job_id)
    except KeyboardInterrupt:
        typer.echo(
            f"\njob {job_id} goes on: `graft watch {job_id}` shows it, `graft cancel {job_id}` ends it", err=True
        )
        raise typer.Exit(_INTERRUPTED) from None
    except UnavailableError:
        typer.echo(f"job {job_id} may go on: `graft watch {job_id}` shows it once Graft is there again", err=True)
        raise
    _report(client, job, json=json)


def _report(client: Client, job: Job, *, json: bool) -> None:
    from graft.client import JobState

    if job.state is not JobState.SUCCEEDED:
        if json:
            output.print_json({"job": job, "version": None})
        reason = f": {job.error.message} [{job.error.reason}]" if job.error else ""
        typer.echo(f"graft: job {job.job_id} {job.state.value}{reason}", err=True)
        raise typer.Exit(1)
    version = client.version(job.classifier, job.version)
    served = bool(version.aliases) and _wait_until_served(client, job)
    if json:
        output.print_json({"job": job, "version": version, "served": served})
        return
    metrics = version.metrics
    typer.echo(
        f"{job.classifier} version {job.version}: accuracy {output.percent(metrics.accuracy)} on "
        f"{metrics.test_examples} test pictures "
        f"(95 % interval {output.percent(metrics.accuracy_low)} to {output.percent(metrics.accuracy_high)})"
    )
    if not version.aliases:
        typer.echo(f"no alias points to it yet: `graft promote {job.classifier} {job.version}` puts it into production")
    elif served:
        typer.echo(f"served as {', '.join(version.aliases)}: `graft classify {job.classifier} PICTURE`")
    else:
        typer.echo(f"{', '.join(version.aliases)} points to it, but the classifier has not loaded it yet", err=True)


def _wait_until_served(client: Client, job: Job) -> bool:
    """Return whether the classifier has the new version; it follows the trainer within moments."""
    deadline = time.monotonic() + _SERVED_LIMIT_S
    while True:
        with suppress(UnavailableError):  # the training is done whether or not the classifier is there
            if any((head.classifier, head.version) == (job.classifier, job.version) for head in client.heads().heads):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)


def _units(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r}: give numbers such as 512,128", param_hint="--hidden-units")
    return tuple(map(int, parts))
