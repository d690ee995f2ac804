"""Datasets in the catalog: create, get, list, delete."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError, Violation
from graft.names import check_name
from trainer.catalog import paging

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.paging import Page


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of examples.

    Attributes:
        name: unique in the catalog.
        created_ms: milliseconds since 1970 UTC.
        examples: how many examples it holds.
        labels: how many different labels they have.
    """

    name: str
    created_ms: int
    examples: int
    labels: int


def dataset_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the row id of dataset `name`.

    Raises:
        NotFoundError: reason DATASET_NOT_FOUND.
    """
    row = connection.execute("SELECT id FROM datasets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFoundError("dataset", name, reason="DATASET_NOT_FOUND")
    return int(row[0])


_SELECT = """SELECT name, created_ms,
    (SELECT COUNT(*) FROM examples WHERE dataset_id = datasets.id),
    (SELECT COUNT(DISTINCT label) FROM examples WHERE dataset_id = datasets.id)
    FROM datasets"""


class DatasetStore:
    """The datasets of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create(self, name: str) -> Dataset:
        """Create an empty dataset.

        Raises:
            InvalidArgumentError: reason INVALID_NAME.
            AlreadyExistsError: reason DATASET_EXISTS; it is left as it is.
        """
        check_name("name", name)
        with self._catalog.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO datasets (name, created_ms) VALUES (?, ?)", (name, self._catalog.now_ms())
                )
            except sqlite3.IntegrityError:
                raise AlreadyExistsError("dataset", name, reason="DATASET_EXISTS") from None
        return self.get(name)

    def get(self, name: str) -> Dataset:
        """Return dataset `name`.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError("dataset", name, reason="DATASET_NOT_FOUND")
        return Dataset(*row)

    def list_page(self, page_size: int = 0, page_token: str = "") -> Page[Dataset]:
        """Return datasets by name.

        Raises:
            InvalidArgumentError: the page size or token is wrong.
        """
        size = paging.check_page_size(page_size)
        (after,) = paging.decode_token(page_token, str) or ("",)
        with self._catalog.read() as connection:
            found = connection.execute(f"{_SELECT} WHERE name > ? ORDER BY name LIMIT ?", (after, size + 1)).fetchall()
        rows = [Dataset(*row) for row in found]
        return paging.page_of(rows, size, [paging.encode_token(row.name) for row in rows])

    def delete(self, name: str) -> None:
        """Delete dataset `name` with its examples; the versions trained on it stay.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            FailedPreconditionError: reason DATASET_IN_USE; a job is queued or running on it.
        """
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, name)
            busy = connection.execute(
                "SELECT number FROM jobs WHERE dataset = ? AND state IN ('QUEUED', 'RUNNING') ORDER BY number", (name,)
            ).fetchall()
            if busy:
                jobs = ", ".join(f"job-{number}" for (number,) in busy)
                raise FailedPreconditionError(
                    f"dataset {name!r} is in use by {jobs}: cancel them or wait for their end",
                    reason="DATASET_IN_USE",
                    violations=(Violation(name, f"in use by {jobs}"),),
                )
            connection.execute("DELETE FROM datasets WHERE id = ?", (row_id,))
