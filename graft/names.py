"""The one rule for names of datasets, classifiers and aliases: safe in a path, a URL and a shell."""

from __future__ import annotations

import re

from graft.errors import InvalidArgumentError, Violation

NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,62}"
_NAME = re.compile(NAME_PATTERN)


def check_name(field: str, value: str) -> str:
    """Return `value` if it is a valid name.

    Args:
        field: the request's field that holds the name, for the error.
        value: 1 to 63 characters: a-z, 0-9, dot, underscore, hyphen; the first a letter or a digit.

    Raises:
        InvalidArgumentError: anything else.
    """
    if _NAME.fullmatch(value):
        return value
    rule = "1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or a digit"
    raise InvalidArgumentError(
        f"{field} is {value[:80]!r}: a name is {rule}",
        reason="INVALID_NAME",
        violations=(Violation(field, f"must be {rule}"),),
    )
