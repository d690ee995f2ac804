"""The examples of a dataset: add, list, remove, count.

The identity of an example in its dataset is (digest, label). Importing it again changes nothing, not even its source
name: the first one stays, another is kept beside it (`trainer.catalog.further_sources`). One digest under two labels
makes two examples, which share one part. `trainer.catalog.parts` tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from graft.errors import InvalidArgumentError, Violation
from trainer.catalog import paging
from trainer.catalog.datasets import dataset_id
from trainer.catalog.examples_digest import digest_of
from trainer.catalog.further_sources import note_source
from trainer.catalog.parts import first_part, part_in, remember_parts, reopened_part
from trainer.datasets.labels import check_label
from trainer.datasets.split import Part

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from trainer.catalog.connection import Catalog
    from trainer.catalog.paging import Page

DIGEST_BYTES = 32
MAX_DIGESTS = 100_000
MAX_SOURCE_NAME_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class NewExample:
    """An example to add.

    Attributes:
        digest: SHA-256 of the picture, 32 bytes.
        label: its label.
        source_name: where it came from, free text.
        allowed: the parts that it may be placed in; empty means any.
    """

    digest: bytes
    label: str
    source_name: str
    allowed: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A stored example; `added_ms` is milliseconds since 1970 UTC."""

    digest: bytes
    label: str
    source_name: str
    part: Part
    added_ms: int


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many examples of a label lie in each part."""

    label: str
    training: int
    validation: int
    test: int


class AddOutcome(StrEnum):
    """What adding an example did."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    PLACED_ELSEWHERE = "placed elsewhere"
    """Nothing: the picture is in a part of the dataset that is not among those allowed, and stays there."""


def check_digests(digests: Sequence[bytes]) -> None:
    """Check a list of digests of one request.

    Raises:
        InvalidArgumentError: reason INVALID_DIGEST or TOO_MANY_DIGESTS (more than 100,000).
    """
    if len(digests) > MAX_DIGESTS:
        problem = f"has {len(digests)} digests; send at most {MAX_DIGESTS} in one request"
        raise InvalidArgumentError(
            f"digests {problem}", reason="TOO_MANY_DIGESTS", violations=(Violation("digests", problem),)
        )
    for index, digest in enumerate(digests):
        check_digest(f"digests[{index}]", digest)


def check_digest(field: str, digest: bytes) -> bytes:
    """Return `digest` if it has 32 bytes.

    Raises:
        InvalidArgumentError: reason INVALID_DIGEST.
    """
    if len(digest) == DIGEST_BYTES:
        return digest
    problem = f"has {len(digest)} bytes; a digest is the {DIGEST_BYTES} bytes of the picture's SHA-256"
    raise InvalidArgumentError(f"{field} {problem}", reason="INVALID_DIGEST", violations=(Violation(field, problem),))


class ExampleStore:
    """The examples of the datasets of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, dataset: str, examples: Sequence[NewExample]) -> list[AddOutcome]:
        """Add many examples in one transaction and say for each what happened, in order.

        When it returns they are on disk. A source name longer than 1000 characters is cut to its end.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            InvalidArgumentError: a label or digest is wrong; nothing was added.
        """
        for index, example in enumerate(examples):
            check_digest(f"examples[{index}].digest", example.digest)
            check_label(f"examples[{index}].label", example.label)
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            now_ms = self._catalog.now_ms()
            return [_add_one(connection, row_id, example, now_ms) for example in examples]

    def list_page(
        self, dataset: str, *, label: str = "", part: Part | None = None, page_size: int = 0, page_token: str = ""
    ) -> Page[Example]:
        """Return examples by label, then digest; only those of `label` or `part` where given.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            InvalidArgumentError: the page size or token is wrong.
        """
        size = paging.check_page_size(page_size)
        after_label, after_digest = paging.decode_token(page_token, str, bytes) or ("", b"")
        with self._catalog.read() as connection:
            found = connection.execute(
                """SELECT digest, label, source_name, part, added_ms FROM examples
                WHERE dataset_id = ? AND (label, digest) > (?, ?)
                    AND (? = '' OR label = ?) AND (? = '' OR part = ?)
                ORDER BY label, digest LIMIT ?""",
                (
                    dataset_id(connection, dataset),
                    after_label,
                    after_digest,
                    label,
                    label,
                    part or "",
                    part or "",
                    size + 1,
                ),
            ).fetchall()
        rows = [_example(row) for row in found]
        return paging.page_of(rows, size, [paging.encode_token(row.label, row.digest) for row in rows])

    def remove_digests(self, dataset: str, digests: Iterable[bytes]) -> int:
        """Remove the examples with these digests, under every label, and return how many there were.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        statement = "DELETE FROM examples WHERE dataset_id = ? AND digest = ? RETURNING digest, part"
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            removed = [row for digest in digests for row in connection.execute(statement, (row_id, digest))]
            remember_parts(connection, row_id, removed)
        return len(removed)

    def counts(self, dataset: str) -> tuple[LabelCount, ...]:
        """Return the number of examples by label and part, sorted by label.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            rows = connection.execute(
                """SELECT label, SUM(part = 'training'), SUM(part = 'validation'), SUM(part = 'test')
                FROM examples WHERE dataset_id = ? GROUP BY label ORDER BY label""",
                (dataset_id(connection, dataset),),
            ).fetchall()
        return tuple(LabelCount(*row) for row in rows)

    def sha256(self, dataset: str) -> bytes:
        """Return the digest of the dataset, 32 bytes, by `digest_of`; no more than one row is in memory.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            return digest_of(
                connection.execute(
                    "SELECT digest, label, part FROM examples WHERE dataset_id = ? ORDER BY digest, label",
                    (dataset_id(connection, dataset),),
                )
            )

    def all_examples(self, dataset: str) -> list[Example]:
        """Return every example by digest and label, in one consistent view.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            rows = connection.execute(
                """SELECT digest, label, source_name, part, added_ms FROM examples
                WHERE dataset_id = ? ORDER BY digest, label""",
                (dataset_id(connection, dataset),),
            )
            return [_example(row) for row in rows]


def _example(row: tuple[bytes, str, str, str, int]) -> Example:
    digest, label, source_name, part, added_ms = row
    return Example(digest, label, source_name, Part(part), added_ms)


def _add_one(connection: sqlite3.Connection, row_id: int, example: NewExample, now_ms: int) -> AddOutcome:
    part = part_in(connection, row_id, example.digest)
    if part is None:
        part = first_part(connection, row_id, example.digest, example.allowed)
    elif example.allowed:
        part = reopened_part(connection, row_id, example.digest, example.allowed) or part
        if part not in example.allowed:
            return AddOutcome.PLACED_ELSEWHERE
    source_name = example.source_name[-MAX_SOURCE_NAME_CHARACTERS:]
    added = connection.execute(
        "INSERT INTO examples (dataset_id, label, digest, source_name, part, added_ms)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (row_id, example.label, example.digest, source_name, part, now_ms),
    )
    if added.rowcount:
        return AddOutcome.ADDED
    if source_name:
        note_source(connection, row_id, example.digest, example.label, source_name)
    return AddOutcome.UNCHANGED
