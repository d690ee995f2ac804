"""Tables for people and JSON for programs, out of the client's results."""

from __future__ import annotations

import dataclasses
import json
import re
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import typer

from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console

    from graft.client import Refusal

_PLACE: Final = re.compile(r"^(?:(?:images|items)\[\d+\](?: \(sha256 \w+\): |\.))+")
"""Where in a message between services a picture was: whoever reads its file's name has no use for it."""


def plain(value: Any) -> Any:
    """Return a result in JSON's types: bytes in hexadecimal, times in ISO 8601, an error as code, reason, message."""
    result = value
    if dataclasses.is_dataclass(value):
        result = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    elif isinstance(value, GraftError):
        result = {"code": value.code.name, "reason": value.reason, "message": value.message}
    elif isinstance(value, bytes):
        result = value.hex()
    elif isinstance(value, Enum):
        result = value.value
    elif isinstance(value, PurePath):
        result = str(value)
    elif isinstance(value, dict):
        result = {str(key): plain(each) for key, each in value.items()}
    elif isinstance(value, list | tuple):
        result = [plain(each) for each in value]
    elif hasattr(value, "isoformat"):
        result = value.isoformat()
    elif hasattr(value, "tolist"):
        result = value.tolist()
    return result


def print_json(value: Any) -> None:
    """Print a result on standard output."""
    printed, legible = plain(value), True
    text = json.dumps(printed, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file's name that is not UTF-8; JSON has escapes for it
        legible = False
    typer.echo(text if legible else json.dumps(printed, indent=2))


def console(*, stderr: bool = False) -> Console:
    """Return a console that never breaks what is not a terminal's line."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    # Into a pipe or a file a row stays on its line, so that grep and awk see all of it.
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=200, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under their columns, or one sentence if there is none. Columns that begin with `#` are numbers."""
    listed = list(rows)
    if not listed:
        typer.echo(empty)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left", overflow="fold")
    for row in listed:
        table.add_row(*(_cell(each) for each in row))
    console().print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, a line each."""
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {value}")


def print_refused(refused: Sequence[Refusal], limit: int = 50) -> None:
    """List the pictures that were not taken, on standard error, and why."""
    if not refused:
        return
    typer.echo(f"{len(refused)} refused:", err=True)
    for each in refused[:limit]:
        typer.echo(f"  {each.source}: {why(each.error)}", err=True)
    if len(refused) > limit:
        typer.echo(f"  and {len(refused) - limit} more", err=True)


def why(error: GraftError) -> str:
    """Return what is wrong with a picture, its reason in brackets."""
    return f"{_PLACE.sub('', error.message)} [{error.reason}]"


def when(time: datetime | None) -> str:
    """Return a time as people read it here."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else "-"


def percent(share: float | None) -> str:
    """Return a share between 0 and 1 in percent."""
    return "-" if share is None else f"{share * 100:.1f} %"


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:  # noqa: PLR2004 - the binary step
        amount /= 1024
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def _cell(value: object) -> Any:
    from rich.text import Text

    return Text(str(value))  # not markup: a label may hold brackets
