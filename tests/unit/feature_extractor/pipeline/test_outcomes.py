"""Waiting in the event loop for pictures that other threads work on."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from feature_extractor.pipeline.flights import Extracted
from feature_extractor.pipeline.outcomes import outcomes
from graft.errors import CancelledError, InvalidArgumentError


async def test_errors_are_returned_in_their_places_and_nothing_is_logged() -> None:
    """A picture that fails while it is waited for leaves no error behind that asyncio would log, one a picture."""
    complaints: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    good: Future[Extracted] = Future()
    bad: Future[Extracted] = Future()
    dropped: Future[Extracted] = Future()
    waiting = asyncio.ensure_future(outcomes([good, bad, dropped]))
    await asyncio.sleep(0)
    extracted = Extracted(b"d" * 32, np.ones(3, np.float32), cached=False)
    error = InvalidArgumentError("broken", reason="CORRUPT_IMAGE")
    good.set_result(extracted)
    bad.set_exception(error)
    dropped.cancel()
    first, second, third = await waiting
    assert (first, second) == (extracted, error)
    assert isinstance(third, CancelledError)
    del waiting, good, bad, dropped
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def test_a_caller_that_goes_away_drops_its_pictures() -> None:
    """What nobody waits for any more is cancelled."""
    picture: Future[Extracted] = Future()
    waiting = asyncio.ensure_future(outcomes([picture]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert picture.cancelled()
