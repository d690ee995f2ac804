"""The rule for labels: what an example's class may be called."""

from __future__ import annotations

import unicodedata

from graft.errors import InvalidArgumentError, Violation

MAX_LABEL_CHARACTERS = 200


def check_label(field: str, label: str) -> str:
    """Return `label` if it is one: 1 to 200 Unicode characters, none a control character, not blank.

    Args:
        field: the request's field that holds the label, for the error.
        label: the label, kept as it is: no case or Unicode form is changed.

    Raises:
        InvalidArgumentError: reason INVALID_LABEL, for anything else.
    """
    problem = ""
    if not label.strip():
        problem = "is empty"
    elif len(label) > MAX_LABEL_CHARACTERS:
        problem = f"has {len(label)} characters; at most {MAX_LABEL_CHARACTERS} are allowed"
    elif any(unicodedata.category(character) in {"Cc", "Cs"} for character in label):
        problem = "holds a control character"
    if not problem:
        return label
    raise InvalidArgumentError(
        f"{field} {label[:80]!r} {problem}", reason="INVALID_LABEL", violations=(Violation(field, problem),)
    )
