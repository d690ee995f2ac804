"""What happens to the registry, as its subscribers are told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to a classifier."""

    VERSION_ADDED = "version-added"
    VERSION_DELETED = "version-deleted"
    CLASSIFIER_DELETED = "classifier-deleted"
    ALIAS_SET = "alias-set"
    ALIAS_REMOVED = "alias-removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the registry; `version` is 0 and `alias` empty where none is concerned."""

    kind: ChangeKind
    classifier: str
    version: int = 0
    alias: str = ""
