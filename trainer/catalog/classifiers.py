"""The registry's rows in the catalog: classifiers, their versions, and the aliases that point at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError, Violation
from trainer.catalog import alias_moves, paging
from trainer.catalog import version_records as records

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.paging import Page
    from trainer.catalog.version_records import Classifier, Version

PRODUCTION = "production"


class ClassifierStore:
    """The classifiers, versions and aliases of one catalog; the files are `trainer.registry.registry`'s."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def next_version(self, classifier: str) -> int:
        """Return the number that the next version of `classifier` will have."""
        with self._catalog.read() as connection:
            row = connection.execute("SELECT next_version FROM classifiers WHERE name = ?", (classifier,)).fetchone()
        return int(row[0]) if row else 1

    def add(self, classifier: str, version: int, job_number: int, manifest: str) -> bool:
        """Record a version; True if `production` moved to it, as it does when it is the only one.

        `version` is what `next_version` said; the caller lets nobody in between.
        """
        with self._catalog.write() as connection:
            now_ms = self._catalog.now_ms()
            connection.execute(
                """INSERT INTO classifiers (name, created_ms, next_version) VALUES (?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET next_version = excluded.next_version""",
                (classifier, now_ms, version + 1),
            )
            row_id = records.classifier_id(connection, classifier)
            only = not connection.execute("SELECT 1 FROM versions WHERE classifier_id = ?", (row_id,)).fetchone()
            connection.execute(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?)", (row_id, version, job_number, manifest, now_ms)
            )
            if only:
                alias_moves.point(connection, row_id, PRODUCTION, version, now_ms)
            return only

    def get_version(self, classifier: str, version: int) -> Version:
        """Return a version.

        Raises:
            NotFoundError: reason VERSION_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            return records.get_version(connection, classifier, version)

    def list_versions(self, classifier: str, page_size: int = 0, page_token: str = "") -> Page[Version]:
        """Return the versions of a classifier, newest first.

        Raises:
            NotFoundError: reason CLASSIFIER_NOT_FOUND.
            InvalidArgumentError: the page size or token is wrong.
        """
        size = paging.check_page_size(page_size)
        (before,) = paging.decode_token(page_token, int) or (2**62,)
        with self._catalog.read() as connection:
            records.get_classifier(connection, classifier)
            found = connection.execute(
                f"{records.SELECT_VERSIONS} WHERE name = ? AND version < ? ORDER BY version DESC LIMIT ?",
                (classifier, before, size + 1),
            ).fetchall()
            rows = [records.version_from_row(connection, row) for row in found]
        return paging.page_of(rows, size, [paging.encode_token(row.version) for row in rows])

    def all_versions(self) -> list[Version]:
        """Return every version of every classifier."""
        with self._catalog.read() as connection:
            found = connection.execute(f"{records.SELECT_VERSIONS} ORDER BY name, version").fetchall()
            return [records.version_from_row(connection, row) for row in found]

    def version_of_job(self, job_number: int) -> Version | None:
        """Return the version that a job made, if it made one."""
        with self._catalog.read() as connection:
            row = connection.execute(f"{records.SELECT_VERSIONS} WHERE job_number = ?", (job_number,)).fetchone()
            return None if row is None else records.version_from_row(connection, row)

    def get(self, classifier: str) -> Classifier:
        """Return a classifier.

        Raises:
            NotFoundError: reason CLASSIFIER_NOT_FOUND.
        """
        with self._catalog.read() as connection:
            return records.get_classifier(connection, classifier)

    def list_page(self, page_size: int = 0, page_token: str = "") -> Page[Classifier]:
        """Return classifiers by name.

        Raises:
            InvalidArgumentError: the page size or token is wrong.
        """
        size = paging.check_page_size(page_size)
        (after,) = paging.decode_token(page_token, str) or ("",)
        with self._catalog.read() as connection:
            found = connection.execute(
                f"{records.SELECT_CLASSIFIERS} WHERE name > ? GROUP BY name ORDER BY name LIMIT ?", (after, size + 1)
            ).fetchall()
            rows = [records.classifier_from_row(connection, row) for row in found]
        return paging.page_of(rows, size, [paging.encode_token(row.name) for row in rows])

    def set_alias(self, classifier: str, alias: str, version: int, expected: int | None = None) -> None:
        """Point `alias` at `version`; 0 removes the alias.

        Args:
            classifier: the classifier's name.
            alias: the alias, a valid name.
            version: an existing version, or 0.
            expected: the version that the alias must point at now, 0 for none; None asks for nothing.

        Raises:
            NotFoundError: the classifier or version is not there.
            AbortedError: reason CONFLICT; the alias points elsewhere than `expected`.
        """
        with self._catalog.write() as connection:
            records.get_classifier(connection, classifier)
            row_id = records.classifier_id(connection, classifier)
            if version:
                records.get_version(connection, classifier, version)
            alias_moves.check_expected(connection, row_id, classifier, alias, expected)
            alias_moves.point(connection, row_id, alias, version, self._catalog.now_ms())

    def roll_back(self, classifier: str, alias: str, expected: int | None = None) -> tuple[int, int]:
        """Point `alias` at the version before; return (that, the one it pointed at, 0 if it was taken away).

        Args:
            classifier: the classifier's name.
            alias: the alias, a valid name.
            expected: as in `set_alias`.

        Raises:
            NotFoundError: the classifier is not there.
            FailedPreconditionError: reason NO_EARLIER_VERSION.
            AbortedError: reason CONFLICT; the alias points elsewhere than `expected`.
        """
        with self._catalog.write() as connection:
            records.get_classifier(connection, classifier)
            row_id = records.classifier_id(connection, classifier)
            alias_moves.check_expected(connection, row_id, classifier, alias, expected)
            return alias_moves.go_back(connection, row_id, alias, self._catalog.now_ms())

    def delete_version(self, classifier: str, version: int) -> None:
        """Delete the row of a version.

        Raises:
            NotFoundError: the version is not there.
            FailedPreconditionError: reason VERSION_ALIASED; an alias points at it.
        """
        with self._catalog.write() as connection:
            aliases = records.get_version(connection, classifier, version).aliases
            if aliases:
                names = ", ".join(aliases)
                raise FailedPreconditionError(
                    f"version {version} of {classifier!r} has the aliases {names}: move or remove them first",
                    reason="VERSION_ALIASED",
                    violations=tuple(Violation(alias, f"points at version {version}") for alias in aliases),
                )
            connection.execute(
                "DELETE FROM versions WHERE classifier_id = ? AND version = ?",
                (records.classifier_id(connection, classifier), version),
            )

    def delete_all_versions(self, classifier: str) -> tuple[int, ...]:
        """Delete the aliases and versions of a classifier and return the versions' numbers.

        Its row stays, so that a later classifier of this name goes on counting.

        Raises:
            NotFoundError: reason CLASSIFIER_NOT_FOUND.
            FailedPreconditionError: reason CLASSIFIER_IN_USE; a job for it is queued or running.
        """
        with self._catalog.write() as connection:
            records.get_classifier(connection, classifier)
            busy = connection.execute(
                "SELECT number FROM jobs WHERE classifier = ? AND state IN ('QUEUED', 'RUNNING') ORDER BY number",
                (classifier,),
            ).fetchall()
            if busy:
                jobs = ", ".join(f"job-{number}" for (number,) in busy)
                raise FailedPreconditionError(
                    f"classifier {classifier!r} is in use by {jobs}: cancel them or wait for their end",
                    reason="CLASSIFIER_IN_USE",
                    violations=(Violation(classifier, f"in use by {jobs}"),),
                )
            row_id = records.classifier_id(connection, classifier)
            alias_moves.forget(connection, row_id)
            rows = connection.execute("SELECT version FROM versions WHERE classifier_id = ?", (row_id,)).fetchall()
            connection.execute("DELETE FROM versions WHERE classifier_id = ?", (row_id,))
            return tuple(version for (version,) in rows)
