"""Pictures in line: what becomes of them when those who wait for them go away, or more come."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from gates import SOON_S

from feature_extractor.decoding.views import View
from feature_extractor.pipeline.admission import Bounds
from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_bench import Bench

VIEWS = (View(5, 1), View(5, 2))


@pytest.fixture
def full(make_bench: Callable[..., Bench]) -> Bench:
    """A bench with the trunk held up and one picture of a stream under way, which fills the streams' share."""
    bench = make_bench(bounds=Bounds(100, 10_000, 4, 10_000, patient_pictures=1))
    bench.trunk.shut()
    bench.stream(b"0")
    bench.trunk.await_arrival()
    return bench


def works() -> int:
    """Pictures that are kept for computing, with their bytes."""
    gc.collect()
    return sum(isinstance(each, Work) for each in gc.get_objects())


def test_a_cancelled_picture_leaves_the_line_with_its_bytes(full: Bench) -> None:
    """However often a stream brings pictures and goes away, nothing of them is kept until their turn comes."""
    before = works()
    for number in range(1, 4):
        pictures = full.pending(bytes([number]), bytes([number, 1]), views=VIEWS, patient=True, lane=Lane.BULK)
        assert full.extraction.stats().waiting == 6
        for picture in pictures:
            for future in picture.futures:
                future.cancel()
        assert full.extraction.stats().waiting == 0
        assert full.extraction.stats().dropped == 6 * number
    del pictures, picture, future
    assert works() == before
    full.trunk.open()
    full.await_nothing_under_way()
    assert full.extraction.stats().computed == 1


def test_a_picture_stays_in_line_while_one_of_its_callers_waits(full: Bench) -> None:
    """Of two streams for a picture the first leaves: the second gets its vector. When both leave, it is dropped."""
    kept, gone = full.stream(b"k"), full.stream(b"g")
    kept_too, gone_too = full.stream(b"k"), full.stream(b"g")
    for future in (*kept, *gone, *gone_too):
        future.cancel()
    assert (full.extraction.stats().waiting, full.extraction.stats().dropped) == (1, 1)
    full.trunk.open()
    assert kept_too[0].result(SOON_S).vector[0] == ord("k")
    full.await_nothing_under_way()


def test_a_picture_stays_in_line_while_one_of_its_views_is_wanted(full: Bench) -> None:
    """It is decoded when its turn comes, and only the view that is wanted is computed."""
    (picture,) = full.pending(b"1", views=VIEWS, patient=True, lane=Lane.BULK)
    picture.futures[0].cancel()
    picture.futures[2].cancel()
    assert full.extraction.stats().waiting == 3
    full.trunk.open()
    picture.futures[1].result(SOON_S)
    full.await_nothing_under_way()
    assert (full.extraction.stats().dropped, full.extraction.stats().computed) == (2, 2)


def test_an_interactive_call_pulls_no_more_out_of_the_line_than_fits(full: Bench) -> None:
    """Joining many pictures of a stream it gets their vectors, but never more than its lane's bound at once."""
    contents = [bytes([number]) for number in range(1, 21)]
    stream = full.stream(*contents)
    call = full.call(*contents)
    assert (full.extraction.stats().in_flight, full.extraction.stats().waiting) == (5, 16)
    full.trunk.open()
    assert [future.result(SOON_S).vector[0] for future in (*call, *stream)] == [*range(1, 21)] * 2
    full.await_nothing_under_way()
