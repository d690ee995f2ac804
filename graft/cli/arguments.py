"""The command line before it is parsed: general options in any place, and which command it is; imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANYWHERE: Final = ("--gateway", "--home")


def hoist(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the general options moved to the front; what follows `--` stays."""
    front, rest = _apart(arguments)
    return front + rest


def command_of(arguments: Sequence[str]) -> str:
    """Return the command's name, empty if there is none or another option comes before it."""
    _, rest = _apart(arguments)
    return rest[0] if rest and not rest[0].startswith("-") else ""


def _apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the general options with their values, and the rest."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for each in waiting:
        if each == "--":
            rest += [each, *waiting]
        elif each in _ANYWHERE:
            front += [each, *(value for value in [next(waiting, None)] if value is not None)]
        elif each.startswith(tuple(f"{option}=" for option in _ANYWHERE)):
            front.append(each)
        else:
            rest.append(each)
    return front, rest
