"""Under which further names the same picture was imported: exact duplicates of files, which are one example here.

The first name of an example is in its own row. Names that later imports bring are kept beside it, up to a number, and
go with the example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.catalog.datasets import dataset_id

if TYPE_CHECKING:
    import sqlite3

    from trainer.catalog.connection import Catalog

MAX_FURTHER_SOURCES: Final = 20
"""Names kept for one example beside its first."""


def note_source(connection: sqlite3.Connection, row_id: int, digest: bytes, label: str, source_name: str) -> None:
    """Keep another name of an example that is there; the names it has, no name, and too many are passed over."""
    key = (row_id, digest, label)
    connection.execute(
        """INSERT INTO further_sources (dataset_id, digest, label, source_name) SELECT ?, ?, ?, ?
        WHERE ? != (SELECT source_name FROM examples WHERE dataset_id = ? AND digest = ? AND label = ?)
            AND (SELECT COUNT(*) FROM further_sources WHERE dataset_id = ? AND digest = ? AND label = ?) < ?
        ON CONFLICT DO NOTHING""",
        (*key, source_name, source_name, *key, *key, MAX_FURTHER_SOURCES),
    )


class FurtherSourceStore:
    """The further names in one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of_dataset(self, dataset: str) -> dict[tuple[bytes, str], tuple[str, ...]]:
        """Return the further names of each example that has some, sorted, by digest and label.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        found: dict[tuple[bytes, str], tuple[str, ...]] = {}
        with self._catalog.read() as connection:
            for digest, label, name in connection.execute(
                """SELECT digest, label, source_name FROM further_sources WHERE dataset_id = ?
                ORDER BY digest, label, source_name""",
                (dataset_id(connection, dataset),),
            ):
                found[digest, label] = (*found.get((digest, label), ()), name)
        return found
