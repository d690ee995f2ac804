"""Adds labelled pictures: their vectors into the extractor's cache first, then the examples into the catalog."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from graft.errors import GraftError, InvalidArgumentError, NotFoundError, Violation
from trainer.catalog.examples import AddOutcome, NewExample, check_digest
from trainer.labels import check_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.catalog.examples import ExampleStore


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled picture to add; it has a digest, or content, or (wrongly) neither.

    Attributes:
        label: its label, not yet checked.
        source: where it came from, for people; may be empty.
        digest: SHA-256 of a picture whose vector is cached; None if the bytes are given.
        content: the picture's bytes; None if the digest is given.
    """

    label: str
    source: str
    digest: bytes | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the extractor made of one picture.

    Attributes:
        digest: SHA-256 of its bytes.
        computed: the trunk ran for it.
        error: why it has no vector on disk; None if it has.
    """

    digest: bytes
    computed: bool = False
    error: GraftError | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one item.

    Attributes:
        digest: SHA-256 of its picture; empty if none was given.
        computed: the trunk ran for it.
        outcome: what the catalog did; None with an error.
        error: why nothing was added; None if the example is on disk.
    """

    digest: bytes
    computed: bool = False
    outcome: AddOutcome | None = None
    error: GraftError | None = None


class PictureStore(Protocol):
    """The extractor, as importing sees it; both raise UnavailableError, reason EXTRACTOR_UNAVAILABLE."""

    async def find_missing(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return those of the digests that have no vector."""

    async def store(self, contents: Sequence[bytes]) -> list[Stored]:
        """Return what became of each picture, once its vector is on disk."""


class Importer:
    """Adds items to datasets; an answer means that vector and example are both on disk."""

    def __init__(self, pictures: PictureStore, examples: ExampleStore) -> None:
        self._pictures = pictures
        self._examples = examples

    async def add(self, dataset: str, items: Sequence[Item]) -> list[Added]:
        """Add some items and return what became of each, in order. An error of one never fails its neighbours.

        Raises:
            NotFoundError: no such dataset.
            UnavailableError: the extractor is away; nothing of these items was added.
        """
        added: list[Added | None] = [_refusal(index, item) for index, item in enumerate(items)]
        valid = [index for index, refused in enumerate(added) if refused is None]
        known = [index for index in valid if items[index].digest is not None]
        sent = [index for index in valid if items[index].digest is None]
        missing, stored = await asyncio.gather(
            self._find_missing([_digest(items[index]) for index in known]),
            self._store([items[index].content or b"" for index in sent]),
        )
        vectors = dict(zip(sent, stored, strict=True))
        for index in known:
            digest = _digest(items[index])
            # The same picture may come twice in these items, once with its bytes.
            absent = digest in missing and all(each.digest != digest or each.error for each in stored)
            vectors[index] = Stored(digest, error=_not_cached(index, digest) if absent else None)
        ready = [index for index in sorted(vectors) if vectors[index].error is None]
        new = [NewExample(vectors[index].digest, items[index].label, items[index].source) for index in ready]
        outcomes = await asyncio.to_thread(self._examples.add, dataset, new) if new else []
        for index, outcome in zip(ready, outcomes, strict=True):
            added[index] = Added(vectors[index].digest, vectors[index].computed, outcome)
        return [
            each or Added(vectors[index].digest, vectors[index].computed, error=_at(index, vectors[index].error))
            for index, each in enumerate(added)
        ]

    async def _find_missing(self, digests: list[bytes]) -> set[bytes]:
        return await self._pictures.find_missing(digests) if digests else set()

    async def _store(self, contents: list[bytes]) -> list[Stored]:
        return await self._pictures.store(contents) if contents else []


def _refusal(index: int, item: Item) -> Added | None:
    """What is wrong with an item before anything is done with it."""
    field = f"items[{index}]"
    if item.digest is None and item.content is None:
        violations = (Violation(f"{field}.picture", "must be set"),)
        message = f"{field} has neither digest nor content"
        return Added(b"", error=InvalidArgumentError(message, reason="PICTURE_REQUIRED", violations=violations))
    try:
        check_label(f"{field}.label", item.label)
        if item.digest is not None:
            check_digest(f"{field}.digest", item.digest)
    except InvalidArgumentError as error:
        return Added(item.digest or b"", error=error)
    return None


def _digest(item: Item) -> bytes:
    return item.digest or b""


def _not_cached(index: int, digest: bytes) -> NotFoundError:
    return NotFoundError(
        "vector",
        digest.hex(),
        f"items[{index}]: the picture with SHA-256 {digest.hex()} has no cached vector; send its bytes",
        reason="FEATURE_NOT_CACHED",
        metadata={"index": str(index), "digest": digest.hex()},
    )


def _at(index: int, error: GraftError | None) -> GraftError | None:
    """The extractor names a picture by its place in what was sent on; say its place in this message instead."""
    if not isinstance(error, InvalidArgumentError):
        return error
    violations = tuple(Violation(f"items[{index}].content", each.description) for each in error.violations)
    described = violations[0].description if violations else error.message
    message = f"items[{index}] (sha256 {error.metadata.get('digest', 'unknown')}): {described}"
    metadata = {**error.metadata, "index": str(index)}
    return InvalidArgumentError(message, reason=error.reason, violations=violations, metadata=metadata)
