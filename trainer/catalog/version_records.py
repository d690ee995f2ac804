"""What a classifier and a version are, and how they are read from the catalog's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import NotFoundError

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a classifier.

    Attributes:
        classifier: its name.
        version: counts upward from 1; a deleted number is never given again.
        job_number: the job that made it.
        manifest: the text of manifest.json, byte for byte (the format: `trainer.registry.heads`).
        created_ms: milliseconds since 1970 UTC.
        aliases: the aliases that point at it now, sorted.
    """

    classifier: str
    version: int
    job_number: int
    manifest: str
    created_ms: int
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classifier:
    """A classifier that has a version at least.

    Attributes:
        name: its name.
        created_ms: when its first version was written, milliseconds since 1970 UTC.
        versions: how many it has.
        latest_version: number of the newest.
        aliases: (alias, version), sorted.
    """

    name: str
    created_ms: int
    versions: int
    latest_version: int
    aliases: tuple[tuple[str, int], ...]


_MAX_VERSION = 2**63 - 1  # what SQLite takes; the wire has numbers beyond, which no version has

SELECT_VERSIONS = """SELECT name, version, job_number, manifest, versions.created_ms
    FROM versions JOIN classifiers ON classifiers.id = classifier_id"""
SELECT_CLASSIFIERS = """SELECT name, classifiers.created_ms, COUNT(*), MAX(version), classifiers.id
    FROM versions JOIN classifiers ON classifiers.id = classifier_id"""


def classifier_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the row id of a classifier that is there."""
    row = connection.execute("SELECT id FROM classifiers WHERE name = ?", (name,)).fetchone()
    return int(row[0])


def get_version(connection: sqlite3.Connection, classifier: str, version: int) -> Version:
    """Return a version, or raise NotFoundError (VERSION_NOT_FOUND)."""
    row = None
    if version <= _MAX_VERSION:
        row = connection.execute(f"{SELECT_VERSIONS} WHERE name = ? AND version = ?", (classifier, version)).fetchone()
    if row is None:
        raise NotFoundError("version", f"{classifier}@{version}", reason="VERSION_NOT_FOUND")
    return version_from_row(connection, row)


def version_from_row(connection: sqlite3.Connection, row: tuple[str, int, int, str, int]) -> Version:
    """Return the version in a row of SELECT_VERSIONS."""
    classifier, version, job_number, manifest, created_ms = row
    aliases = _aliases_of(connection, classifier, version)
    return Version(classifier, version, job_number, manifest, created_ms, aliases)


def get_classifier(connection: sqlite3.Connection, name: str) -> Classifier:
    """Return a classifier, or raise NotFoundError (CLASSIFIER_NOT_FOUND)."""
    row = connection.execute(f"{SELECT_CLASSIFIERS} WHERE name = ? GROUP BY name", (name,)).fetchone()
    if row is None:
        raise NotFoundError("classifier", name, reason="CLASSIFIER_NOT_FOUND")
    return classifier_from_row(connection, row)


def classifier_from_row(connection: sqlite3.Connection, row: tuple[str, int, int, int, int]) -> Classifier:
    """Return the classifier in a row of SELECT_CLASSIFIERS."""
    name, created_ms, versions, latest, row_id = row
    aliases = connection.execute(
        "SELECT alias, version FROM aliases WHERE classifier_id = ? ORDER BY alias", (row_id,)
    ).fetchall()
    return Classifier(name, created_ms, versions, latest, tuple(aliases))


def _aliases_of(connection: sqlite3.Connection, classifier: str, version: int) -> tuple[str, ...]:
    rows = connection.execute(
        """SELECT alias FROM aliases JOIN classifiers ON classifiers.id = classifier_id
        WHERE name = ? AND version = ? ORDER BY alias""",
        (classifier, version),
    )
    return tuple(alias for (alias,) in rows)
