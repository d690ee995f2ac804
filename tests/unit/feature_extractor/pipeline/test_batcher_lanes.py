"""The batcher: who overtakes whom, and who fills the places of those who left."""

from __future__ import annotations

import threading
from contextlib import closing

from gates import SOON_S
from held_trunk import Trunk, busy, frozen, picture, slow_clock, value_of, wanted

from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.lanes import Lane


def test_interactive_pictures_overtake_bulk_ones_at_the_next_batch() -> None:
    """However many of the bulk lane wait, who comes now is in the next batch, before all of them."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2, 4), max_wait_s=0, clock=frozen)) as batcher:
        busy(batcher, trunk)
        bulk = [batcher.submit(picture(value), wanted, Lane.BULK) for value in range(100, 106)]
        calls = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        trunk.allow(4)
        assert [value_of(future) for future in (*calls, *bulk)] == [1, 2, *range(100, 106)]
    assert trunk.batches[:2] == [[0], [1, 2]]
    assert [value for batch in trunk.batches[2:] for value in batch] == list(range(100, 106))


def test_bulk_pictures_come_along_while_interactive_ones_never_end() -> None:
    """With the interactive lane always full, one picture in eight is of the bulk lane."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2, 4), max_batch_s=0.3, max_wait_s=0, clock=slow_clock())) as batcher:
        busy(batcher, trunk)
        bulk = [batcher.submit(picture(200), wanted, Lane.BULK) for _ in range(2)]
        calls = [batcher.submit(picture(1), wanted) for _ in range(40)]
        trunk.allow(60)
        for future in (*bulk, *calls):
            future.result(SOON_S)
    order = [value for batch in trunk.batches[1:] for value in batch]
    assert [place for place, value in enumerate(order) if value == 200] == [8, 16]
    assert {len(batch) for batch in trunk.batches} == {1}


def test_a_hastened_picture_is_in_the_next_batch() -> None:
    """The picture with the token leaves the others of the bulk lane behind."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1,), max_wait_s=0, clock=frozen)) as batcher:
        busy(batcher, trunk)
        tokens = [object() for _ in range(3)]
        futures = [
            batcher.submit(picture(value), wanted, Lane.BULK, token)
            for value, token in zip((1, 2, 3), tokens, strict=True)
        ]
        batcher.hasten(lambda token: token is tokens[2])
        trunk.allow(4)
        assert [value_of(future) for future in futures] == [1, 2, 3]
    assert trunk.batches == [[0], [3], [1], [2]]


def test_two_batches_are_run_at_once_where_that_is_worth_it() -> None:
    """With a concurrency of two, a second batch enters the trunk while the first is in it, and a third does not."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1,), concurrency=2, max_wait_s=0, clock=frozen)) as batcher:
        futures = [busy(batcher, trunk), busy(batcher, trunk), batcher.submit(picture(0), wanted)]
        assert batcher.stats().queued == 1
        trunk.allow(3)
        for future in futures:
            future.result(SOON_S)
    assert batcher.stats().batches == 3


def test_the_places_of_those_who_left_are_filled() -> None:
    """A batch of four of which one is cancelled takes the next one along, of the bulk lane if need be."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2, 4), max_wait_s=0, clock=frozen)) as batcher:
        busy(batcher, trunk)
        cancelled = batcher.submit(picture(1), wanted)
        kept = [batcher.submit(picture(value), wanted) for value in (2, 3, 4)]
        kept.append(batcher.submit(picture(5), wanted, Lane.BULK))
        cancelled.cancel()
        trunk.allow(2)
        assert [value_of(future) for future in kept] == [2, 3, 4, 5]
    assert trunk.batches == [[0], [2, 3, 4, 5]]


def test_the_reserve_runs_a_second_batch_while_a_whole_one_waits() -> None:
    """Of two interactive pictures one fills a batch: it enters the trunk beside the first; the last one waits."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2), reserve=1, max_wait_s=0, clock=frozen)) as batcher:
        first = busy(batcher, trunk)
        pair = [batcher.submit(picture(value), wanted) for value in (1, 2)]
        trunk.await_entry()
        last = batcher.submit(picture(3), wanted)
        assert (trunk.batches, batcher.stats().queued) == ([[0], [1, 2]], 1)
        trunk.allow(3)
        assert [value_of(future) for future in (first, *pair, last)] == [0, 1, 2, 3]
    assert trunk.batches == [[0], [1, 2], [3]]


def test_eight_pictures_are_a_whole_batch() -> None:
    """However large a batch may be, the eighth picture that waits starts a second one, and the seventh does not."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, reserve=1, max_wait_s=0, clock=frozen)) as batcher:
        first = busy(batcher, trunk)
        others = [batcher.submit(picture(value), wanted) for value in range(1, 8)]
        assert (trunk.batches, batcher.stats().queued) == ([[0]], 7)
        others.append(batcher.submit(picture(8), wanted))
        trunk.await_entry()
        assert trunk.batches == [[0], list(range(1, 9))]
        trunk.allow(2)
        assert [value_of(future) for future in (first, *others)] == list(range(9))


def test_the_reserve_is_not_for_bulk_pictures() -> None:
    """However many of the bulk lane wait, one batch runs: whoever comes next would wait twice as long for its end."""
    trunk = Trunk(held=True)
    with closing(Batcher(trunk, sizes=(1, 2), reserve=1, max_wait_s=0, clock=frozen)) as batcher:
        first = busy(batcher, trunk)
        bulk = [batcher.submit(picture(value), wanted, Lane.BULK) for value in (1, 2, 3, 4)]
        one = batcher.submit(picture(5), wanted)
        assert batcher.stats().queued == 5
        trunk.allow(4)
        assert [value_of(future) for future in (first, one, *bulk)] == [0, 5, 1, 2, 3, 4]
    assert trunk.batches[:2] == [[0], [5]]


def test_closing_ends_the_reserve_too() -> None:
    """A thread that waits for an overflow ends with the others."""
    batcher = Batcher(Trunk(), sizes=(1, 2), reserve=2)
    batcher.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("trunk-")]
