"""How the tools speak: lines on standard output, complaints on standard error, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STEP = 1024


def say(text: str) -> None:
    """Print a line; a character that the stream cannot hold as an escape."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print a line on standard error."""
    _write(sys.stderr, text)


def say_json(value: Any) -> None:
    """Print a result for programs; dataclasses as objects."""
    say(json.dumps(value, indent=2, default=_plain))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns."""
    lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def size(count: int) -> str:
    """A number of bytes as people read it."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while amount >= _STEP and len(units) > 1:
        amount /= _STEP
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def _write(stream: Any, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
