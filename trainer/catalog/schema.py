"""The tables of the catalog and the migrations that lead to them, applied in order at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    import sqlite3

# Entry N leads from schema version N to N + 1. An entry is never edited once released: a change is a new entry.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE datasets (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            created_ms INTEGER NOT NULL)""",
        # The identity of an example is (digest, label).
        """CREATE TABLE examples (
            dataset_id INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
            label TEXT NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            source_name TEXT NOT NULL,
            part TEXT NOT NULL CHECK (part IN ('training', 'validation', 'test')),
            added_ms INTEGER NOT NULL,
            PRIMARY KEY (dataset_id, digest, label)) WITHOUT ROWID""",
        "CREATE INDEX examples_by_label ON examples (dataset_id, label, part)",
        """CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            classifier TEXT NOT NULL,
            recipe TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL DEFAULT '',
            message TEXT NOT NULL DEFAULT '',
            version INTEGER NOT NULL DEFAULT 0,
            created_ms INTEGER NOT NULL,
            started_ms INTEGER NOT NULL DEFAULT 0,
            ended_ms INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX jobs_by_state ON jobs (state, number)",
        """CREATE TABLE job_events (
            job_number INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
            sequence INTEGER NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (job_number, sequence)) WITHOUT ROWID""",
        """CREATE TABLE requests (
            request_id TEXT PRIMARY KEY,
            request_sha256 BLOB NOT NULL,
            answer TEXT NOT NULL,
            created_ms INTEGER NOT NULL) WITHOUT ROWID""",
        # A classifier's row outlives its versions, so that the number of a deleted version is never given again.
        """CREATE TABLE classifiers (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            created_ms INTEGER NOT NULL,
            next_version INTEGER NOT NULL)""",
        """CREATE TABLE versions (
            classifier_id INTEGER NOT NULL REFERENCES classifiers(id),
            version INTEGER NOT NULL,
            job_number INTEGER NOT NULL,
            manifest TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            PRIMARY KEY (classifier_id, version)) WITHOUT ROWID""",
        "CREATE INDEX versions_by_job ON versions (job_number)",
        """CREATE TABLE aliases (
            classifier_id INTEGER NOT NULL,
            alias TEXT NOT NULL,
            version INTEGER NOT NULL,
            updated_ms INTEGER NOT NULL,
            PRIMARY KEY (classifier_id, alias),
            FOREIGN KEY (classifier_id, version) REFERENCES versions(classifier_id, version)) WITHOUT ROWID""",
    ),
    (
        # Examples are listed by label, then digest; with the part the index alone tells the counts.
        "DROP INDEX examples_by_label",
        "CREATE INDEX examples_by_label ON examples (dataset_id, label, digest, part)",
    ),
    (
        # The parts of pictures that were removed.
        """CREATE TABLE removed_parts (
            dataset_id INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            part TEXT NOT NULL CHECK (part IN ('training', 'validation', 'test')),
            PRIMARY KEY (dataset_id, digest)) WITHOUT ROWID""",
        # Pictures whose part is not for good yet: they were not compared with the others. `allowed` names the parts
        # that they may be placed in, with spaces between; empty means any.
        """CREATE TABLE unplaced (
            dataset_id INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            allowed TEXT NOT NULL,
            PRIMARY KEY (dataset_id, digest)) WITHOUT ROWID""",
    ),
    (
        # Where aliases pointed: so that one can go back. Version 0: the alias was taken away.
        """CREATE TABLE alias_moves (
            classifier_id INTEGER NOT NULL REFERENCES classifiers(id),
            alias TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            version INTEGER NOT NULL,
            moved_ms INTEGER NOT NULL,
            undone_ms INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (classifier_id, alias, sequence)) WITHOUT ROWID""",
        """INSERT INTO alias_moves (classifier_id, alias, sequence, version, moved_ms)
            SELECT classifier_id, alias, 1, version, updated_ms FROM aliases""",
    ),
    (
        # Further names under which the picture of an example was imported.
        """CREATE TABLE further_sources (
            dataset_id INTEGER NOT NULL,
            digest BLOB NOT NULL,
            label TEXT NOT NULL,
            source_name TEXT NOT NULL CHECK (source_name != ''),
            PRIMARY KEY (dataset_id, digest, label, source_name),
            FOREIGN KEY (dataset_id, digest, label) REFERENCES examples(dataset_id, digest, label)
                ON DELETE CASCADE ON UPDATE CASCADE) WITHOUT ROWID""",
    ),
)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the catalog to the newest schema, each step in a transaction of its own.

    Args:
        connection: an open connection in autocommit mode.
        path: the catalog's file, for the error.

    Raises:
        FailedPreconditionError: reason CATALOG_TOO_NEW; a newer Graft wrote this catalog.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > len(MIGRATIONS):
        raise FailedPreconditionError(
            f"{path} has schema version {found}; this Graft knows up to {len(MIGRATIONS)}: "
            "start the newer Graft that wrote it, or use another home",
            reason="CATALOG_TOO_NEW",
        )
    for version in range(found, len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
