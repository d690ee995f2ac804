"""What is served at one moment: heads by classifier and version, and the aliases that point to them. Immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from graft.errors import NotFoundError
from graft.names import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from classifier.heads import Head

DEFAULT_ALIAS: Final = "production"
_MOST_NAMES: Final = 20  # in an error's message


@dataclass(frozen=True, slots=True)
class Listed:
    """A version that aliases point to.

    Attributes:
        classifier: name of the classifier.
        version: the version, 1 or more.
        aliases: those that point to it, sorted.
        manifest_sha256: SHA-256 of its manifest, 32 bytes: the identity of its content.

    Raises:
        InvalidArgumentError: the name is none, so that it must not become a path.
    """

    classifier: str
    version: int
    aliases: tuple[str, ...]
    manifest_sha256: bytes

    def __post_init__(self) -> None:
        check_name("classifier", self.classifier)


@dataclass(frozen=True, slots=True)
class Served:
    """A listed version with its head in memory.

    Attributes:
        listed: what it is and which aliases point to it.
        head: its arrays.
        load_time: when this process loaded it, in UTC.
    """

    listed: Listed
    head: Head
    load_time: datetime


@dataclass(frozen=True)
class Catalogue:
    """Everything that is served; a request takes one catalogue and so sees one state.

    Attributes:
        entries: sorted by classifier, then version.
    """

    entries: tuple[Served, ...] = ()
    _by_key: dict[tuple[str, str | int], Served] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key: dict[tuple[str, str | int], Served] = {}
        for entry in self.entries:
            by_key[entry.listed.classifier, entry.listed.version] = entry
            for alias in entry.listed.aliases:
                by_key[entry.listed.classifier, alias] = entry
        object.__setattr__(self, "_by_key", by_key)

    @classmethod
    def of(cls, entries: Iterable[Served]) -> Catalogue:
        """Return a catalogue of `entries`, which may come in any order."""
        return cls(tuple(sorted(entries, key=lambda each: (each.listed.classifier, each.listed.version))))

    def find(self, classifier: str, selector: str | int = DEFAULT_ALIAS) -> Served:
        """Return what an alias (a string) or a version (a number) of `classifier` stands for.

        Raises:
            NotFoundError: reason HEAD_NOT_FOUND; the message tells what there is instead.
        """
        found = self._by_key.get((classifier, selector))
        if found:
            return found
        wanted = f"version {selector}" if isinstance(selector, int) else f"alias {selector!r}"
        raise NotFoundError(
            "head",
            f"{classifier}/{selector}",
            f"no {wanted} of classifier {classifier!r} is served here: {self._alternatives(classifier)}",
            reason="HEAD_NOT_FOUND",
        )

    def _alternatives(self, classifier: str) -> str:
        of_it = [each.listed for each in self.entries if each.listed.classifier == classifier]
        if of_it:
            versions = ", ".join(f"version {each.version} ({', '.join(each.aliases)})" for each in of_it)
            return f"it has {versions}; a version is served once an alias points to it"
        names = sorted({each.listed.classifier for each in self.entries})
        return (
            f"the classifiers are {', '.join(names[:_MOST_NAMES])}"
            if names
            else "there is no head yet; train one first"
        )
