"""What happens to jobs: recorded in the catalog, then told to whoever watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.jobs.subscriptions import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.job_records import JobEvent, JobState
    from trainer.catalog.jobs import JobStore
    from trainer.jobs.progress import Progress


class JobEvents:
    """The events of all jobs of one catalog; safe to call from any thread."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._watchers: Subscribers[tuple[int, JobEvent]] = Subscribers()

    def move(self, number: int, state: JobState, *, reason: str = "", message: str = "", version: int = 0) -> bool:
        """Move a job and tell the watchers; False if it had ended already."""

        def make() -> tuple[int, JobEvent] | None:
            event = self._store.move(number, state, reason=reason, message=message, version=version)
            return None if event is None else (number, event)

        return self._watchers.publish(make) is not None

    def progress(self, number: int, progress: Progress) -> None:
        """Record a running job's report and tell the watchers; nothing happens if it is not RUNNING."""

        def make() -> tuple[int, JobEvent] | None:
            event = self._store.add_progress(number, progress)
            return None if event is None else (number, event)

        self._watchers.publish(make)

    def subscribe(self, number: int, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        """Call back with a job's history, then with what happens; return how to stop (`trainer.jobs.subscriptions`)."""

        def filtered(event: tuple[int, JobEvent]) -> None:
            if event[0] == number:
                callback(event[1])

        return self._watchers.subscribe(filtered, lambda: [(number, event) for event in self._store.events(number)])
