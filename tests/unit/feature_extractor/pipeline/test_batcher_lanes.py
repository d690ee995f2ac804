"""The batcher: who overtakes whom, and who fills the places of those who left."""

from __future__ import annotations

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
