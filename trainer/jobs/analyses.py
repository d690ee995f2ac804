"""Analyses: long computations that a call asks for, waits for, and gets the outcome of; nothing of them is kept.

They take turns with the training jobs. One whose caller has gone away ends at its next report of progress, or while it
waits for the extractor.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from graft.errors import CancelledError
from trainer.jobs.interruption import interruptible

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from trainer.jobs.progress import Progress
    from trainer.jobs.slot import Slot

    Report = Callable[[Progress], None]

_Outcome = TypeVar("_Outcome")


class Analyses:
    """Runs analyses for an event loop, each in a thread, one at a time.

    Args:
        slot: what they share with the training jobs.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    async def run(self, work: Callable[[Report], _Outcome]) -> AsyncGenerator[Progress | _Outcome, None]:
        """Yield the progress that `work` reports, then its outcome.

        `work` runs in a thread; its `report` raises CancelledError once nobody listens any more.

        Raises:
            GraftError: what `work` raised.
        """
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[Progress | None] = asyncio.Queue()
        gone = threading.Event()

        def check() -> None:
            if gone.is_set():
                raise CancelledError("nobody waits for the analysis any more", reason="JOB_CANCELLED")

        def report(progress: Progress) -> None:
            check()
            loop.call_soon_threadsafe(heard.put_nowait, progress)

        def in_turn() -> _Outcome:
            with self._slot.taken(gone.is_set), interruptible(check):
                return work(report)

        running = asyncio.ensure_future(asyncio.to_thread(in_turn))
        running.add_done_callback(lambda _: heard.put_nowait(None))
        try:
            while (progress := await heard.get()) is not None:
                yield progress
            yield await running
        finally:
            gone.set()
            if not running.done():
                running.add_done_callback(_forget)


def _forget(running: asyncio.Future[Any]) -> None:
    """Take the outcome that nobody waits for, so that its error is not logged as one that was overlooked."""
    if not running.cancelled():
        running.exception()
