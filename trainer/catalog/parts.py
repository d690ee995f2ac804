"""The parts that pictures are in: when they are added, when they are placed for good, and after they are removed.

The first of these that says something decides:

1. the part that the picture has in this dataset under another label: a placed picture never moves;
2. the parts that the caller allows, if it is only one;
3. the part that it had when it was removed from this dataset, if that is allowed;
4. its near duplicates (`trainer.datasets.placing`), if theirs is allowed;
5. its digest (`trainer.datasets.split`), among the allowed parts.

Only 4 needs vectors, of many pictures at once. So a picture for which 1 to 3 say nothing is added in the part of its
digest and noted as unplaced; placing it may change that part once, before anything is trained on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.catalog.datasets import dataset_id
from trainer.datasets.split import Part, part_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from trainer.catalog.connection import Catalog


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture of a dataset as placing sees it.

    Attributes:
        digest: SHA-256 of the picture, 32 bytes.
        part: where it is.
        labels: what it shows; more than one if it is in the dataset under several.
        unplaced: whether its part may still change.
        allowed: the parts that it may be placed in; empty means any.
    """

    digest: bytes
    part: Part
    labels: tuple[str, ...]
    unplaced: bool
    allowed: tuple[Part, ...]


class PartStore:
    """Which pictures of the datasets of one catalog are placed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def counts(self, dataset: str) -> tuple[int, int]:
        """Return how many pictures are not placed, and how many examples there are.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            row_id = dataset_id(connection, dataset)
            (unplaced,) = connection.execute("SELECT COUNT(*) FROM unplaced WHERE dataset_id = ?", (row_id,)).fetchone()
            (every,) = connection.execute("SELECT COUNT(*) FROM examples WHERE dataset_id = ?", (row_id,)).fetchone()
        return unplaced, every

    def placements(self, dataset: str) -> list[Placement]:
        """Return all pictures of the dataset by digest, each once.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        every: list[Placement] = []
        with self._catalog.read() as connection:
            rows = connection.execute(
                """SELECT digest, part, label, allowed FROM examples LEFT JOIN unplaced USING (dataset_id, digest)
                WHERE dataset_id = ? ORDER BY digest, label""",
                (dataset_id(connection, dataset),),
            )
            for digest, part, label, allowed in rows:
                labels = (label,)
                if every and every[-1].digest == digest:
                    labels = (*every.pop().labels, label)
                parts = tuple(Part(each) for each in (allowed or "").split())
                every.append(Placement(digest, Part(part), labels, allowed is not None, parts))
        return every

    def place(self, dataset: str, parts: Mapping[bytes, Part]) -> None:
        """Place unplaced pictures for good; one that was placed or removed meanwhile is passed over.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            for digest, part in parts.items():
                taken = connection.execute(
                    "DELETE FROM unplaced WHERE dataset_id = ? AND digest = ?", (row_id, digest)
                ).rowcount
                if taken:
                    connection.execute(
                        "UPDATE examples SET part = ? WHERE dataset_id = ? AND digest = ? AND part != ?",
                        (part, row_id, digest, part),
                    )


def part_in(connection: sqlite3.Connection, row_id: int, digest: bytes) -> Part | None:
    """Return the part that a picture has in dataset `row_id`; None if it is not in it."""
    return _part(connection, "SELECT part FROM examples WHERE dataset_id = ? AND digest = ? LIMIT 1", row_id, digest)


def first_part(connection: sqlite3.Connection, row_id: int, digest: bytes, allowed: Sequence[Part]) -> Part:
    """Return the part in which a picture is added that is not in dataset `row_id`; note it if that is not for good."""
    if len(set(allowed)) == 1:
        return allowed[0]
    removed = _part(connection, "SELECT part FROM removed_parts WHERE dataset_id = ? AND digest = ?", row_id, digest)
    if removed and (not allowed or removed in allowed):
        return removed
    names = " ".join(dict.fromkeys(allowed))
    connection.execute("INSERT INTO unplaced (dataset_id, digest, allowed) VALUES (?, ?, ?)", (row_id, digest, names))
    return part_of(digest, allowed)


def reopened_part(connection: sqlite3.Connection, row_id: int, digest: bytes, allowed: Sequence[Part]) -> Part | None:
    """Add a picture once more that is in the dataset, but not placed, now with parts allowed; None if it is placed."""
    unplaced = connection.execute("DELETE FROM unplaced WHERE dataset_id = ? AND digest = ?", (row_id, digest))
    if not unplaced.rowcount:
        return None
    part = first_part(connection, row_id, digest, allowed)
    connection.execute("UPDATE examples SET part = ? WHERE dataset_id = ? AND digest = ?", (part, row_id, digest))
    return part


def remember_parts(connection: sqlite3.Connection, row_id: int, removed: Sequence[tuple[bytes, str]]) -> None:
    """Keep the parts of placed pictures (digest, part) whose examples were removed, so that they come back to them."""
    for digest, part in removed:
        if part_in(connection, row_id, digest) is not None:
            continue  # it is still there under another label
        unplaced = connection.execute("DELETE FROM unplaced WHERE dataset_id = ? AND digest = ?", (row_id, digest))
        if not unplaced.rowcount:
            connection.execute(
                "INSERT OR REPLACE INTO removed_parts (dataset_id, digest, part) VALUES (?, ?, ?)",
                (row_id, digest, part),
            )


def _part(connection: sqlite3.Connection, statement: str, row_id: int, digest: bytes) -> Part | None:
    found = connection.execute(statement, (row_id, digest)).fetchone()
    return Part(found[0]) if found else None
