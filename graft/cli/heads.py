"""How a command names a version of a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import NotFoundError

if TYPE_CHECKING:
    from graft.client import Client


def version_of(client: Client, head: str) -> tuple[str, int]:
    """Return the classifier and the version that NAME@VERSION, NAME@ALIAS or NAME (its `production`) stands for.

    Raises:
        NotFoundError: CLASSIFIER_NOT_FOUND, VERSION_NOT_FOUND.
    """
    name, _, selector = head.partition("@")
    if selector.isdecimal():
        return name, int(selector)
    alias = selector or "production"
    version = client.classifier(name).aliases.get(alias, 0)
    if not version:
        raise NotFoundError(
            "version", f"{name}@{alias}", f"{name} has no alias {alias!r}: name a version", reason="VERSION_NOT_FOUND"
        )
    return name, version
