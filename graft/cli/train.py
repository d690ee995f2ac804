"""`graft train`, `graft watch`, `graft cancel`: training jobs."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import options, output
from graft.cli import recipe_options as given
from graft.cli.course import follow
from graft.cli.search_table import print_search
from graft.cli.session import session_of
from graft.cli.summary import summary
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from graft.client import Client, Job, Version

_SERVED_LIMIT_S: Final = 10.0
_INTERRUPTED: Final = 130


def train(
    context: typer.Context,
    dataset: options.Dataset,
    classifier: Annotated[
        str, typer.Option(help="Add a version to this classifier; the dataset's name if left out.")
    ] = "",
    recipe: Annotated[
        given.Kind | None,
        typer.Option(help="How to train; auto if left out, mlp with an option of networks.", show_default=False),
    ] = None,
    like: given.Like = "",
    seed: given.Seed = None,
    class_weights: given.Weights = None,
    views: given.TrainViews = None,
    view_seed: given.TrainViewSeed = None,
    hidden_units: given.HiddenUnits = "",
    learning_rate: given.LearningRate = None,
    batch_size: given.BatchSize = None,
    steps: given.Steps = None,
    report_every: given.ReportEvery = None,
    initial_stddev: given.InitialStddev = None,
    epochs: given.Epochs = None,
    max_epochs: given.MaxEpochs = None,
    max_steps: given.MaxSteps = None,
    patience: given.Patience = None,
    weight_decay: given.WeightDecay = None,
    dropout: given.Dropout = None,
    label_smoothing: given.LabelSmoothing = None,
    residual_noise: given.ResidualNoise = None,
    variance_floor: given.VarianceFloor = None,
    shrinkage: given.Shrinkage = None,
    l2: given.L2 = None,
    max_iterations: given.MaxIterations = None,
    folds: given.Folds = None,
    time_budget: given.TimeBudget = None,
    workers: given.Workers = None,
    *,
    json: options.Json = False,
) -> None:
    """Train a classifier on a dataset and wait for it, showing loss and accuracy.

    Ctrl-C leaves the job running. Exits with 1 if the job fails.
    """
    from graft.client import Recipe

    repeated = given.version_name(like)
    asked = Recipe(
        kind=recipe.value if recipe else "",
        seed=seed,
        class_weights=class_weights.value if class_weights else None,
        views=views,
        view_seed=view_seed,
        hidden_units=given.units(hidden_units),
        no_hidden_layers=hidden_units == given.NO_LAYERS,
        learning_rate=learning_rate,
        batch_size=batch_size,
        steps=steps,
        report_every=report_every,
        initial_stddev=initial_stddev,
        epochs=epochs,
        max_epochs=max_epochs,
        max_steps=max_steps,
        patience=patience,
        weight_decay=weight_decay,
        dropout=dropout,
        label_smoothing=label_smoothing,
        residual_noise=residual_noise,
        variance_floor=variance_floor,
        shrinkage=shrinkage,
        l2=l2,
        max_iterations=max_iterations,
        folds=folds,
        time_budget_s=time_budget,
        workers=workers,
    )
    if repeated and asked != Recipe():
        raise typer.BadParameter("it repeats every setting: leave the others out", param_hint="--like")
    with session_of(context).client() as client:
        job = client.train(dataset, classifier, None if repeated else asked, like=repeated)
        _watch(client, job.job_id, json=json, like=repeated)


def watch(context: typer.Context, job_id: options.JobId, *, json: options.Json = False) -> None:
    """Show a job from its beginning until it ends. Exits with 1 if it did not succeed."""
    with session_of(context).client() as client:
        _watch(client, job_id, json=json)


def cancel(context: typer.Context, job_id: options.JobId) -> None:
    """Cancel a job that is waiting or running."""
    with session_of(context).client() as client:
        job = client.cancel(job_id)
    typer.echo(f"job {job.job_id}: {job.state.value}" if job.ended else f"job {job.job_id} is being cancelled")


def _watch(client: Client, job_id: str, *, json: bool, like: tuple[str, int] | None = None) -> None:
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
    _report(client, job, json=json, like=like)


def _report(client: Client, job: Job, *, json: bool, like: tuple[str, int] | None) -> None:
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
    if version.search:
        print_search(version.search)
    if like:
        typer.echo(_compared(version, client.version(*like)))
    typer.echo("\n".join(summary(version)))
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


def _compared(version: Version, model: Version) -> str:
    """Return whether a repeat had before it what the model had."""
    name = f"{model.classifier}@{model.version}"
    differences = [
        f"{what} differs"
        for what, own, other in (
            ("the dataset", version.dataset_digest, model.dataset_digest),
            ("the trunk", version.fingerprint, model.fingerprint),
            ("the release of Graft", version.graft_version, model.graft_version),
        )
        if own != other
    ]
    if differences:
        return f"trained by the recipe of {name}, but {' and '.join(differences)}: it is another head"
    return f"repeats {name}: the same recipe, examples, trunk and release"
