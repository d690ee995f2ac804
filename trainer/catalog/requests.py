"""Request ids: a creating call that is sent again gets its first answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from graft.errors import AlreadyExistsError, InvalidArgumentError, Violation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

MAX_REQUEST_ID_CHARACTERS = 128


def _sha256(request: Mapping[str, object]) -> bytes:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()


def recall(connection: sqlite3.Connection, request_id: str, request: Mapping[str, object]) -> str | None:
    """Return the answer that `request_id` got before, None for a new or empty id.

    Call it in the write transaction that creates the thing, so that of two equal calls at once one waits.

    Args:
        connection: a write transaction.
        request_id: the caller's id for this request; empty for none.
        request: the request as JSON-able values, with the method's name.

    Raises:
        AlreadyExistsError: reason REQUEST_ID_REUSED; another request had this id.
        InvalidArgumentError: reason INVALID_REQUEST_ID; the id is too long.
    """
    if len(request_id) > MAX_REQUEST_ID_CHARACTERS:
        problem = f"has {len(request_id)} characters; at most {MAX_REQUEST_ID_CHARACTERS} are allowed"
        raise InvalidArgumentError(
            f"request_id {problem}", reason="INVALID_REQUEST_ID", violations=(Violation("request_id", problem),)
        )
    row = connection.execute(
        "SELECT request_sha256, answer FROM requests WHERE request_id = ?", (request_id,)
    ).fetchone()
    if row is None:
        return None
    if row[0] != _sha256(request):
        raise AlreadyExistsError(
            "request",
            request_id,
            f"request_id {request_id!r} was used for another request: give each new request an id of its own",
            reason="REQUEST_ID_REUSED",
        )
    return str(row[1])


def remember(
    connection: sqlite3.Connection, request_id: str, request: Mapping[str, object], answer: str, now_ms: int
) -> None:
    """Record in the same transaction what this request made; an empty id is not recorded."""
    if request_id:
        connection.execute("INSERT INTO requests VALUES (?, ?, ?, ?)", (request_id, _sha256(request), answer, now_ms))
