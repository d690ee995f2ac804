"""Jobs in the catalog: create, list, move from state to state, and the bounded history of their events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graft.errors import NotFoundError
from trainer.catalog import paging, requests
from trainer.catalog.job_records import Job, JobEvent, JobState, event_body, event_from_body

if TYPE_CHECKING:
    import sqlite3

    from trainer.catalog.connection import Catalog
    from trainer.catalog.paging import Page
    from trainer.jobs.progress import Progress

MAX_EVENTS = 1000
_MAX_DIGITS = 18  # any number of so many digits fits an SQLite integer

_SELECT = """SELECT number, dataset, classifier, recipe, state, reason, message, version, created_ms, started_ms,
    ended_ms FROM jobs"""


class JobStore:
    """The jobs of one catalog; it records what `trainer.jobs.runner` decides."""

    def __init__(self, catalog: Catalog, max_events: int = MAX_EVENTS) -> None:
        """Keep at most `max_events` events a job: past that, every second report of progress is dropped."""
        self._catalog = catalog
        self._max_events = max_events

    def recall(self, dataset: str, classifier: str, recipe: dict[str, Any], request_id: str) -> Job | None:
        """Return the job that this `request_id` made before; None if it made none or is empty.

        Raises:
            AlreadyExistsError: reason REQUEST_ID_REUSED.
        """
        with self._catalog.read() as connection:
            answer = requests.recall(connection, request_id, _request(dataset, classifier, recipe))
        return None if answer is None else self.get(answer)

    def create(self, dataset: str, classifier: str, recipe: dict[str, Any], *, request_id: str = "") -> Job:
        """Record a QUEUED job; the same `request_id` with the same request returns the job it made.

        Raises:
            AlreadyExistsError: reason REQUEST_ID_REUSED.
        """
        request = _request(dataset, classifier, recipe)
        with self._catalog.write() as connection:
            job_id = requests.recall(connection, request_id, request)
            if job_id is None:
                now_ms = self._catalog.now_ms()
                number = connection.execute(
                    "INSERT INTO jobs (dataset, classifier, recipe, state, created_ms) VALUES (?, ?, ?, ?, ?)",
                    (dataset, classifier, json.dumps(recipe, sort_keys=True), JobState.QUEUED, now_ms),
                ).lastrowid
                job_id = f"job-{number}"
                self._append(connection, int(number or 0), JobEvent(0, now_ms, JobState.QUEUED))
                requests.remember(connection, request_id, request, job_id, now_ms)
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """Return the job.

        Raises:
            NotFoundError: reason JOB_NOT_FOUND.
        """
        number = job_number(job_id)
        with self._catalog.read() as connection:
            row = connection.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise NotFoundError("job", job_id, reason="JOB_NOT_FOUND")
        return _job(row)

    def list_page(
        self, *, dataset: str = "", classifier: str = "", page_size: int = 0, page_token: str = ""
    ) -> Page[Job]:
        """Return jobs, newest first; only those of `dataset` or `classifier` where given.

        Raises:
            InvalidArgumentError: the page size or token is wrong.
        """
        size = paging.check_page_size(page_size)
        (before,) = paging.decode_token(page_token, int) or (2**62,)
        with self._catalog.read() as connection:
            found = connection.execute(
                f"""{_SELECT} WHERE number < ? AND (? = '' OR dataset = ?) AND (? = '' OR classifier = ?)
                ORDER BY number DESC LIMIT ?""",
                (before, dataset, dataset, classifier, classifier, size + 1),
            ).fetchall()
        rows = [_job(row) for row in found]
        return paging.page_of(rows, size, [paging.encode_token(row.number) for row in rows])

    def in_state(self, state: JobState) -> list[Job]:
        """Return all jobs in this state, oldest first."""
        with self._catalog.read() as connection:
            rows = connection.execute(f"{_SELECT} WHERE state = ? ORDER BY number", (state,)).fetchall()
        return [_job(row) for row in rows]

    def move(
        self, number: int, state: JobState, *, reason: str = "", message: str = "", version: int = 0
    ) -> JobEvent | None:
        """Move a job to `state` and return the event; None, and no change, if the job has ended already."""
        with self._catalog.write() as connection:
            now_ms = self._catalog.now_ms()
            moved = connection.execute(
                """UPDATE jobs SET state = ?, reason = ?, message = ?, version = ?,
                    started_ms = CASE WHEN ? AND started_ms = 0 THEN ? ELSE started_ms END,
                    ended_ms = CASE WHEN ? THEN ? ELSE 0 END
                WHERE number = ? AND state IN ('QUEUED', 'RUNNING')""",
                (
                    *(state, reason, message, version),
                    *(state is JobState.RUNNING, now_ms),
                    *(state.final, now_ms),
                    number,
                ),
            )
            if not moved.rowcount:
                return None
            event = JobEvent(0, now_ms, state, None, reason, message, version)
            return self._append(connection, number, event)

    def add_progress(self, number: int, progress: Progress) -> JobEvent | None:
        """Record a report of a RUNNING job and return the event; None, and no change, if it is not running."""
        with self._catalog.write() as connection:
            row = connection.execute("SELECT state FROM jobs WHERE number = ?", (number,)).fetchone()
            if row is None or row[0] != JobState.RUNNING:
                return None
            return self._append(connection, number, JobEvent(0, self._catalog.now_ms(), JobState.RUNNING, progress))

    def events(self, number: int) -> list[JobEvent]:
        """Return the history of a job, oldest first."""
        with self._catalog.read() as connection:
            rows = connection.execute(
                "SELECT sequence, body FROM job_events WHERE job_number = ? ORDER BY sequence", (number,)
            ).fetchall()
        return [event_from_body(*row) for row in rows]

    def _append(self, connection: sqlite3.Connection, number: int, event: JobEvent) -> JobEvent:
        count, last = connection.execute(
            "SELECT COUNT(*), COALESCE(MAX(sequence), 0) FROM job_events WHERE job_number = ?", (number,)
        ).fetchone()
        if event.progress is not None and count >= self._max_events:
            connection.execute(
                """DELETE FROM job_events WHERE job_number = ? AND sequence IN (
                    SELECT sequence FROM (
                        SELECT sequence, ROW_NUMBER() OVER (ORDER BY sequence) AS place FROM job_events
                        WHERE job_number = ? AND json_extract(body, '$.progress') IS NOT NULL)
                    WHERE place % 2 = 1)""",
                (number, number),
            )
        stored = JobEvent(
            last + 1, event.at_ms, event.state, event.progress, event.reason, event.message, event.version
        )
        connection.execute("INSERT INTO job_events VALUES (?, ?, ?)", (number, stored.sequence, event_body(stored)))
        return stored


def job_number(job_id: str) -> int:
    """Return the number in a job's id.

    Raises:
        NotFoundError: reason JOB_NOT_FOUND; no job can have this id.
    """
    prefix, _, digits = job_id.partition("-")
    number = digits.isascii() and digits.isdigit() and not digits.startswith("0") and len(digits) <= _MAX_DIGITS
    if prefix != "job" or not number:
        raise NotFoundError("job", job_id, reason="JOB_NOT_FOUND")
    return int(digits)


def _request(dataset: str, classifier: str, recipe: dict[str, Any]) -> dict[str, object]:
    return {"method": "CreateTrainingJob", "dataset": dataset, "classifier": classifier, "recipe": recipe}


def _job(row: tuple[Any, ...]) -> Job:
    number, dataset, classifier, recipe, state, *rest = row
    return Job(number, dataset, classifier, json.loads(recipe), JobState(state), *rest)
