"""Aliases in the catalog: where each points, where it pointed before, and how it goes back.

Each move of an alias is a row of `alias_moves`. The rows that are not undone are a stack: its top says where the alias
points now (0: it was taken away), and going back takes rows off it, which stay in the table with the time of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import AbortedError, FailedPreconditionError

if TYPE_CHECKING:
    import sqlite3

MAX_MOVES = 100
"""Moves kept of one alias; the oldest are forgotten."""


def point(connection: sqlite3.Connection, classifier_id: int, alias: str, version: int, now_ms: int) -> None:
    """Point an alias at a version that is there, or take it away with 0, and remember the move."""
    if _present(connection, classifier_id, alias) == version:
        return
    _set(connection, classifier_id, alias, version, now_ms)
    (last,) = connection.execute(
        "SELECT COALESCE(MAX(sequence), 0) FROM alias_moves WHERE classifier_id = ? AND alias = ?",
        (classifier_id, alias),
    ).fetchone()
    connection.execute(
        "INSERT INTO alias_moves VALUES (?, ?, ?, ?, ?, 0)", (classifier_id, alias, last + 1, version, now_ms)
    )
    connection.execute(
        "DELETE FROM alias_moves WHERE classifier_id = ? AND alias = ? AND sequence <= ?",
        (classifier_id, alias, last + 1 - MAX_MOVES),
    )


def go_back(connection: sqlite3.Connection, classifier_id: int, alias: str, now_ms: int) -> tuple[int, int]:
    """Point an alias at the version before, of those that are still there; return (that, the one it pointed at).

    Raises:
        FailedPreconditionError: reason NO_EARLIER_VERSION.
    """
    present = _present(connection, classifier_id, alias)
    row = connection.execute(
        """SELECT sequence, version FROM alias_moves WHERE classifier_id = ? AND alias = ? AND undone_ms = 0
            AND version != ? AND version IN (SELECT version FROM versions WHERE classifier_id = ?)
        ORDER BY sequence DESC LIMIT 1""",
        (classifier_id, alias, present, classifier_id),
    ).fetchone()
    if row is None:
        raise FailedPreconditionError(
            f"alias {alias!r} never pointed at another version that is still there: point it at one by its number",
            reason="NO_EARLIER_VERSION",
        )
    sequence, version = row
    connection.execute(
        """UPDATE alias_moves SET undone_ms = ?
        WHERE classifier_id = ? AND alias = ? AND sequence > ? AND undone_ms = 0""",
        (now_ms, classifier_id, alias, sequence),
    )
    _set(connection, classifier_id, alias, version, now_ms)
    return version, present


def check_expected(
    connection: sqlite3.Connection, classifier_id: int, classifier: str, alias: str, expected: int | None
) -> None:
    """Refuse if the alias does not point at `expected`, 0 for none; None asks for nothing.

    Raises:
        AbortedError: reason CONFLICT.
    """
    present = _present(connection, classifier_id, alias)
    if expected is not None and present != expected:
        raise AbortedError(
            f"alias {alias!r} of {classifier!r} points at version {present}, not {expected} (0 is none): "
            "read it again, then decide",
            reason="CONFLICT",
            metadata={"present_version": str(present)},
        )


def forget(connection: sqlite3.Connection, classifier_id: int) -> None:
    """Forget every alias of a classifier, and every move."""
    connection.execute("DELETE FROM aliases WHERE classifier_id = ?", (classifier_id,))
    connection.execute("DELETE FROM alias_moves WHERE classifier_id = ?", (classifier_id,))


def _present(connection: sqlite3.Connection, classifier_id: int, alias: str) -> int:
    row = connection.execute(
        "SELECT version FROM aliases WHERE classifier_id = ? AND alias = ?", (classifier_id, alias)
    ).fetchone()
    return int(row[0]) if row else 0


def _set(connection: sqlite3.Connection, classifier_id: int, alias: str, version: int, now_ms: int) -> None:
    if version:
        connection.execute(
            """INSERT INTO aliases VALUES (?, ?, ?, ?) ON CONFLICT (classifier_id, alias)
            DO UPDATE SET version = excluded.version, updated_ms = excluded.updated_ms""",
            (classifier_id, alias, version, now_ms),
        )
    else:
        connection.execute("DELETE FROM aliases WHERE classifier_id = ? AND alias = ?", (classifier_id, alias))
