"""Adds labelled pictures: their vectors into the extractor's cache first, then the examples into the catalog."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from graft.errors import FailedPreconditionError
from trainer.catalog.examples import AddOutcome, NewExample
from trainer.datasets.import_errors import not_cached, placed, placed_elsewhere, problem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft.errors import GraftError
    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.split import Part


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled picture to add; it has a digest, or content, or (wrongly) neither.

    Attributes:
        label: its label, not yet checked.
        source: where it came from, for people; may be empty.
        digest: SHA-256 of a picture whose vector is cached; None if the bytes are given.
        content: the picture's bytes; None if the digest is given.
        allowed: the parts that it may be placed in, None for one that there is not; empty means any.
    """

    label: str
    source: str
    digest: bytes | None = None
    content: bytes | None = None
    allowed: tuple[Part | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Views:
    """The extra views of each picture whose vectors are wanted beside its own.

    Attributes:
        count: how many, numbered from 1; 0 for none. The extractor knows how many are too many.
        seed: what they are drawn from, beside the picture's digest.
    """

    count: int = 0
    seed: int = 0


NO_VIEWS: Final = Views()
"""The pictures as they are, nothing else."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the extractor made of one picture.

    Attributes:
        digest: SHA-256 of its bytes.
        computed: the trunk ran for it or one of its views.
        error: why it has no vector on disk; None if it has, and each of its views too.
    """

    digest: bytes
    computed: bool = False
    error: GraftError | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one item.

    Attributes:
        digest: SHA-256 of its picture; empty if none was given.
        computed: the trunk ran for it or one of its views; of several items with one picture only the first says so.
        outcome: what the catalog did; None with an error.
        error: why nothing was added; None if the example is on disk.
    """

    digest: bytes
    computed: bool = False
    outcome: AddOutcome | None = None
    error: GraftError | None = None


class PictureStore(Protocol):
    """The extractor, as importing sees it.

    Both raise UnavailableError, reason EXTRACTOR_UNAVAILABLE, and InvalidArgumentError, reason TOO_MANY_VIEWS.
    """

    async def find_missing(self, digests: Sequence[bytes], views: Views) -> tuple[set[bytes], bytes]:
        """Return those of the digests that lack their vector or a view's, and the fingerprint looked for."""
        ...

    async def store(self, contents: Sequence[bytes], views: Views) -> tuple[list[Stored], bytes]:
        """Return what became of each picture, once all its vectors are on disk, and the fingerprint of the vectors."""
        ...


class ImportCall:
    """What the messages of one import call have in common: the trunk that their vectors are of."""

    def __init__(self) -> None:
        self._fingerprint = b""

    def check_trunk(self, fingerprint: bytes) -> None:
        """Note the fingerprint of the call's first vectors; refuse vectors of another.

        Raises:
            FailedPreconditionError: reason FINGERPRINT_MISMATCH.
        """
        self._fingerprint = self._fingerprint or fingerprint
        if fingerprint != self._fingerprint:
            raise FailedPreconditionError(
                f"the extractor changed its trunk from {self._fingerprint.hex()} to {fingerprint.hex()} during this "
                "import: import everything again, which computes what the new trunk has not seen",
                reason="FINGERPRINT_MISMATCH",
            )


class Importer:
    """Adds items to datasets; an answer means that vector and example are both on disk."""

    def __init__(self, pictures: PictureStore, examples: ExampleStore) -> None:
        self._pictures = pictures
        self._examples = examples

    async def add(self, call: ImportCall, dataset: str, items: Sequence[Item], views: Views = NO_VIEWS) -> list[Added]:
        """Add the items of one message and return what became of each, in order.

        An error of one item never fails its neighbours.

        Raises:
            NotFoundError: no such dataset.
            InvalidArgumentError: more views than the extractor takes; nothing of these items was added.
            UnavailableError: the extractor is away; nothing of these items was added.
            FailedPreconditionError: the extractor changed its trunk during the call; nothing of these items was added.
        """
        problems = [problem_of(index, item) for index, item in enumerate(items)]
        valid = [index for index, problem in enumerate(problems) if problem is None]
        known = [index for index in valid if items[index].digest is not None]
        sent = [index for index in valid if items[index].digest is None]
        missing, stored = await asyncio.gather(
            self._find_missing(call, [_digest(items[index]) for index in known], views),
            self._store(call, [items[index].content or b"" for index in sent], views),
        )
        vectors = dict(zip(sent, _placed(sent, stored), strict=True))
        for index in known:
            digest = _digest(items[index])
            # The same picture may come twice in these items, once with its bytes.
            absent = digest in missing and all(each.digest != digest or each.error for each in stored)
            vectors[index] = Stored(digest, error=not_cached(index, digest, views.count) if absent else None)
        ready = [index for index in sorted(vectors) if vectors[index].error is None]
        new = [_example(items[index], vectors[index].digest) for index in ready]
        outcomes = await asyncio.to_thread(self._examples.add, dataset, new) if new else []
        done = dict(zip(ready, outcomes, strict=True))
        return [
            Added(_digest(items[index]), error=problem)
            if problem
            else _added(index, items[index], vectors[index], done.get(index))
            for index, problem in enumerate(problems)
        ]

    async def _find_missing(self, call: ImportCall, digests: list[bytes], views: Views) -> set[bytes]:
        if not digests:
            return set()
        missing, fingerprint = await self._pictures.find_missing(digests, views)
        call.check_trunk(fingerprint)
        return missing

    async def _store(self, call: ImportCall, contents: list[bytes], views: Views) -> list[Stored]:
        if not contents:
            return []
        stored, fingerprint = await self._pictures.store(contents, views)
        call.check_trunk(fingerprint)
        return stored


def _placed(sent: list[int], stored: list[Stored]) -> list[Stored]:
    """What became of the pictures that items `sent` gave as bytes: errors placed, a computation told once."""
    told: set[bytes] = set()
    results = []
    for index, each in zip(sent, stored, strict=True):
        error = None if each.error is None else placed(index, each.digest, each.error)
        results.append(replace(each, computed=each.computed and each.digest not in told, error=error))
        if each.computed:
            told.add(each.digest)
    return results


def _example(item: Item, digest: bytes) -> NewExample:
    return NewExample(digest, item.label, item.source, tuple(part for part in item.allowed if part))


def _added(index: int, item: Item, stored: Stored, outcome: AddOutcome | None) -> Added:
    if outcome is AddOutcome.PLACED_ELSEWHERE:
        return Added(stored.digest, stored.computed, error=placed_elsewhere(index, stored.digest, item.allowed))
    return Added(stored.digest, stored.computed, outcome, stored.error)


def _digest(item: Item) -> bytes:
    return item.digest or b""
