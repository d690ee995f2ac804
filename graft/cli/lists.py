"""`graft datasets`, `graft jobs`, `graft classifiers`: what there is, and one of them in detail."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from graft.cli import options, output
from graft.cli.session import session_of

_Name = Annotated[str, typer.Argument(help="Show this one in detail.", show_default=False)]


def datasets(context: typer.Context, name: _Name = "", *, json: options.Json = False) -> None:
    """List the datasets, or show one with its labels."""
    with session_of(context).client() as client:
        if not name:
            every = client.datasets()
            if json:
                output.print_json(every)
                return
            rows = [(each.name, each.example_count, output.when(each.create_time)) for each in every]
            output.print_table(
                ["dataset", "#examples", "created"], rows, "no datasets yet: `graft import DATASET FOLDER` makes one"
            )
            return
        one = client.dataset(name, digest=True)
    if json:
        output.print_json(one)
        return
    counts = [(each.label, each.train, each.validation, each.test) for each in one.label_counts]
    output.print_facts(
        {
            "dataset": one.name,
            "examples": one.example_count,
            "created": output.when(one.create_time),
            "digest": one.digest.hex(),
            "": "",
        }
    )
    output.print_table(["label", "#train", "#validation", "#test"], counts, "it holds no examples")


def jobs(
    context: typer.Context,
    job_id: _Name = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    *,
    json: options.Json = False,
) -> None:
    """List training jobs, the newest first, or show one."""
    with session_of(context).client() as client:
        if job_id:
            one = client.job(job_id)
            if json:
                output.print_json(one)
                return
            output.print_facts(
                {
                    "job": one.job_id,
                    "state": one.state.value,
                    "dataset": one.dataset,
                    "classifier": one.classifier,
                    "version": one.version or "-",
                    "created": output.when(one.create_time),
                    "started": output.when(one.start_time),
                    "ended": output.when(one.end_time),
                    "recipe": _settings(one.recipe),
                    "error": f"{one.error.message} [{one.error.reason}]" if one.error else "-",
                }
            )
            return
        every = client.jobs(limit)
    if json:
        output.print_json(every)
        return
    rows = [
        (
            each.job_id,
            each.state.value,
            each.dataset,
            f"{each.classifier} {each.version}" if each.version else each.classifier,
            each.recipe.kind,
            output.when(each.create_time),
            each.error.reason if each.error else "",
        )
        for each in every
    ]
    output.print_table(
        ["job", "state", "dataset", "classifier", "recipe", "created", "error"],
        rows,
        "no jobs yet: `graft train DATASET` makes one",
    )


def classifiers(context: typer.Context, name: _Name = "", *, json: options.Json = False) -> None:
    """List the classifiers, or show one with its versions, aliases and metrics."""
    with session_of(context).client() as client:
        if not name:
            every = client.classifiers()
            if json:
                output.print_json(every)
                return
            rows = [
                (
                    each.name,
                    each.version_count,
                    each.latest_version,
                    _aliases(each.aliases),
                    output.when(each.create_time),
                )
                for each in every
            ]
            output.print_table(
                ["classifier", "#versions", "#latest", "aliases", "created"],
                rows,
                "no classifiers yet: `graft train DATASET` makes one",
            )
            return
        one, versions = client.classifier(name), client.versions(name)
    if json:
        output.print_json({"classifier": one, "versions": versions})
        return
    output.print_facts({"classifier": one.name, "aliases": _aliases(one.aliases) or "-", "": ""})
    rows_of_versions = [
        (
            each.version,
            ", ".join(each.aliases),
            output.percent(each.metrics.accuracy),
            f"{output.percent(each.metrics.accuracy_low)} to {output.percent(each.metrics.accuracy_high)}",
            each.metrics.test_examples,
            len(each.labels),
            each.dataset,
            each.recipe.kind,
            output.when(each.create_time),
        )
        for each in versions
    ]
    output.print_table(
        ["#version", "aliases", "#accuracy", "#95 % interval", "#tested", "#labels", "dataset", "recipe", "trained"],
        rows_of_versions,
        "all of its versions are deleted",
    )


def _aliases(aliases: object) -> str:
    pairs = aliases.items() if isinstance(aliases, dict) else ()
    return ", ".join(f"{alias} = {version}" for alias, version in pairs)


def _settings(recipe: object) -> str:
    values = {each.name: getattr(recipe, each.name) for each in dataclasses.fields(recipe)}  # type: ignore[arg-type] # a Recipe, imported only when needed
    return ", ".join(
        f"{name}={value}" for name, value in values.items() if value is not False and value not in (None, "", ())
    )
