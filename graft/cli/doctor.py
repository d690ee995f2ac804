"""`graft doctor`: what is wrong with a dataset, before anything is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from graft.cli import options, output
from graft.cli.analysing import run, write_page
from graft.cli.session import session_of

if TYPE_CHECKING:
    from graft.client import DiagnosedPicture, Diagnosis, Finding, FindingList

_TITLES: Final = {
    "exact_duplicate": "exact duplicates",
    "label_conflict": "pictures under several labels",
    "near_duplicate": "near duplicates",
    "split_leak": "near duplicates across the split",
    "mislabelled": "likely wrong labels",
    "outlier": "pictures unlike all others",
    "unreadable": "pictures without a vector",
    "small_class": "small classes",
    "imbalance": "classes much smaller than the largest",
}


def doctor(
    context: typer.Context,
    dataset: options.Dataset,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Findings of each kind; all are counted.")] = 10,
    page: options.Page = None,
    *,
    json: options.Json = False,
) -> None:
    """Look for duplicates, wrong labels, strangers and small classes in a dataset, before training on it.

    Nothing is changed. The page shows the pictures beside each other.
    """
    with session_of(context).client() as client:
        most = max(limit, _PAGE_FINDINGS) if page is not None else limit
        asked = client.diagnose(dataset, max_findings=most, page=page is not None)
        diagnosis: Diagnosis = run(asked, "comparing and judging")
    if page is not None:
        write_page(page, diagnosis.page)
    if json:
        output.print_json(_facts(diagnosis, limit))
        return
    _print(diagnosis, limit)


_PAGE_FINDINGS: Final = 100


def _print(diagnosis: Diagnosis, limit: int) -> None:
    output.print_facts(
        {
            "dataset": diagnosis.dataset,
            "examples": diagnosis.example_count,
            "pictures": f"{diagnosis.picture_count}, {diagnosis.preview_count} compared by their previews",
            "labels judged": diagnosis.judged_count,
        }
    )
    found = [each for each in diagnosis.lists if each.total]
    for each in found:
        typer.echo(f"\n{each.total} {_TITLES.get(each.kind, 'other findings')}{_groups(each, diagnosis)}")
        typer.echo(each.advice)
        columns, rows = _table(each, limit)
        output.print_table(columns, rows, "")
        left = each.total - min(limit, len(each.findings))
        if left:
            typer.echo(f"and {left} more: --limit, --json")
    if not found:
        typer.echo("\nnothing wrong was found")


def _groups(each: FindingList, diagnosis: Diagnosis) -> str:
    return f", {diagnosis.near_duplicate_groups} groups" if each.kind == "near_duplicate" else ""


def _table(each: FindingList, limit: int) -> tuple[list[str], list[tuple[object, ...]]]:
    findings = each.findings[:limit]
    match each.kind:
        case "small_class" | "imbalance":
            return ["class", "#pictures", "parts without one"], [
                (one.label, one.count, ", ".join(one.empty_parts)) for one in findings
            ]
        case "near_duplicate" | "split_leak":
            columns = ["#group", "#alike", "picture", "copy"]
            return columns, [
                (one.group, output.percent(one.score), *(_named(picture) for picture in one.pictures))
                for one in findings
            ]
        case "mislabelled":
            columns = ["#wrong", "label", "rather", "source", "digest"]
            return columns, [
                (output.percent(one.score), picture.label, one.label, picture.source, _digest(picture))
                for one, picture in _first_pictures(findings)
            ]
        case _:
            return ["label", "source", "digest"], [
                (picture.label, "\n".join([picture.source, *picture.further_sources]), _digest(picture))
                for one in findings
                for picture in one.pictures
            ]


def _first_pictures(findings: tuple[Finding, ...]) -> list[tuple[Finding, DiagnosedPicture]]:
    return [(one, one.pictures[0]) for one in findings if one.pictures]


def _named(picture: DiagnosedPicture) -> str:
    return f"{picture.source or _digest(picture)[:12]} ({picture.label}, {picture.part.value})"


def _digest(picture: DiagnosedPicture) -> str:
    return picture.digest.hex()


def _facts(diagnosis: Diagnosis, limit: int) -> dict[str, Any]:
    plain: dict[str, Any] = output.plain(diagnosis)
    del plain["page"]
    for each in plain["lists"]:
        each["findings"] = each["findings"][:limit]
    return plain
