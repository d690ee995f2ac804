"""Beginning the pictures of a message without holding up the event loop."""

from __future__ import annotations

import asyncio
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fake_extraction import FakeExtraction

from feature_extractor.decoding.views import View
from feature_extractor.pipeline.beginning import begin
from feature_extractor.pipeline.calls import Terms


class Contents(list[bytes]):
    """A list that can be told to be gone."""


@pytest.mark.parametrize(
    ("pictures", "size", "views", "inline"),
    [(1, 10, 0, True), (4, 10, 3, True), (4, 10, 4, False), (17, 10, 0, False), (1, 300_000, 0, False)],
)
async def test_only_what_is_short_is_done_in_the_event_loop(
    pictures: int, size: int, views: int, *, inline: bool
) -> None:
    """Few bytes of few pictures and views; anything else in a thread."""
    extraction: Any = FakeExtraction()
    contents = [b"x" * size for _ in range(pictures)]
    terms = Terms(views=tuple(View(1, number) for number in range(1, views + 1)))
    assert len(await begin(extraction, contents, terms)) == pictures
    assert (extraction.threads == [threading.get_ident()]) == inline


async def test_what_a_caller_that_leaves_had_in_line_for_a_thread_is_forgotten() -> None:
    """Its pictures' bytes are free at once, and nothing of it is done when a thread comes to it."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    busy = threading.Event()
    blocker = asyncio.ensure_future(asyncio.to_thread(busy.wait, 10))
    extraction: Any = FakeExtraction()
    contents = Contents([b"x" * 300_000])
    gone = weakref.ref(contents)
    beginning = asyncio.ensure_future(begin(extraction, contents, Terms()))
    del contents
    await asyncio.sleep(0)
    assert gone() is not None
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    del beginning
    assert gone() is None
    busy.set()
    await blocker
    await asyncio.to_thread(lambda: None)
    assert extraction.calls == []
