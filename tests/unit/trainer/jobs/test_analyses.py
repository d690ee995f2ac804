"""Analyses: progress, outcome, turns, and callers that go away."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from graft.errors import CancelledError, FailedPreconditionError
from trainer.jobs.analyses import Analyses
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

SOON_S = 10.0


async def test_progress_comes_before_the_outcome() -> None:
    """What the work reports is yielded in order, then what it returns."""
    reports = [Progress(Phase.LOADING, done, 2) for done in (1, 2)]

    def work(report: Callable[[Progress], None]) -> str:
        for each in reports:
            report(each)
        return "done"

    assert [each async for each in Analyses(Slot()).run(work)] == [*reports, "done"]


async def test_an_error_of_the_work_is_raised() -> None:
    """It is the caller's to see."""

    def work(report: Callable[[Progress], None]) -> None:  # noqa: ARG001 - nothing to report
        raise FailedPreconditionError("no vectors", reason="FEATURES_MISSING")

    with pytest.raises(FailedPreconditionError, match="no vectors"):
        async for _ in Analyses(Slot()).run(work):
            pass


async def test_work_whose_caller_left_ends_at_its_next_report() -> None:
    """The report raises, and the place is free again for the next one."""
    analyses = Analyses(Slot())
    left, ended = threading.Event(), threading.Event()

    def work(report: Callable[[Progress], None]) -> None:
        report(Progress(Phase.LOADING))
        assert left.wait(SOON_S)
        try:
            report(Progress(Phase.FITTING))
        except CancelledError:
            ended.set()
            raise

    async with aclosing(analyses.run(work)) as steps:
        assert await anext(steps) == Progress(Phase.LOADING)
    left.set()
    assert await asyncio.to_thread(ended.wait, SOON_S)
    assert [each async for each in analyses.run(lambda _: 5)] == [5]


async def test_one_computes_at_a_time() -> None:
    """The second waits until the first is done; one that is cancelled while it waits never begins."""
    slot = Slot()
    began: list[str] = []
    with slot.taken(lambda: False):
        waiting = asyncio.ensure_future(anext(Analyses(slot).run(lambda _: began.append("second"))))
        with pytest.raises(CancelledError, match="turn"):
            await asyncio.to_thread(_take, slot)
        assert not began
    await asyncio.wait_for(waiting, SOON_S)
    assert began == ["second"]


def _take(slot: Slot) -> None:
    with slot.taken(lambda: True):
        pass
