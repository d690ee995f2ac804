"""Amounts on the command line as people write them: `30d`, `10GiB`."""

from __future__ import annotations

import re
from typing import Final

import typer

_AMOUNT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES: Final = {
    "b": 1,
    **{f"{prefix}ib": 1024 ** (power + 1) for power, prefix in enumerate("kmgt")},
    **{f"{prefix}b": 1000 ** (power + 1) for power, prefix in enumerate("kmgt")},
}


def seconds(text: str) -> float:
    """Return a duration such as `30d`, `12h` or `45m` in seconds.

    Raises:
        BadParameter: it is none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    unit = _SECONDS.get(found[2]) if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r} is no duration: give one such as 45m, 12h, 30d or 2w")
    return float(found[1]) * unit


def size_bytes(text: str) -> int:
    """Return a size such as `10GiB`, `500MB` or `0` in bytes.

    Raises:
        BadParameter: it is none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    unit = _BYTES.get(found[2].lower() or "b") if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r} is no size: give one such as 500MiB, 10GiB or 0")
    return int(float(found[1]) * unit) if "." in found[1] else int(found[1]) * unit
