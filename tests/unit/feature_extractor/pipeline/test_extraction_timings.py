"""Where pictures are told to have spent their time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gates import SOON_S

from feature_extractor.decoding.views import View
from feature_extractor.pipeline.lanes import Lane
from feature_extractor.pipeline.timings import Observer, Timings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline_bench import Bench

    from feature_extractor.cache.records import Vector


@dataclass
class Notes(Observer):
    """Remembers what it is told."""

    waits: list[tuple[Lane, float]] = field(default_factory=list)
    decodings: list[float] = field(default_factory=list)
    look_ups: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)

    def queued(self, lane: Lane, seconds: float) -> None:
        """Note it."""
        self.waits.append((lane, seconds))

    def decoded(self, seconds: float) -> None:
        """Note it."""
        self.decodings.append(seconds)

    def looked_up(self, seconds: float) -> None:
        """Note it."""
        self.look_ups.append(seconds)

    def written(self, seconds: float) -> None:
        """Note it."""
        self.writes.append(seconds)


def test_timings_add_up_stage_by_stage() -> None:
    """The sum has each stage's sum."""
    first = Timings(queue_s=1, decode_s=2, trunk_s=3, cache_s=4)
    second = Timings(queue_s=10, decode_s=20, trunk_s=30, cache_s=40)
    assert first + second == Timings(queue_s=11, decode_s=22, trunk_s=33, cache_s=44)


def test_a_computed_picture_tells_of_every_stage(bench: Bench) -> None:
    """Its wait for the batch and the batch's time are those of the clock; decoding and writing took some time."""
    bench.trunk.shut()
    bench.call(b"keeps the trunk busy")
    bench.trunk.await_arrival()
    (picture,) = bench.pending(b"1", durable=True)
    bench.pool.close()
    bench.now = 100.0
    bench.trunk.open()
    timings = picture.futures[0].result(SOON_S).timings
    assert 100.0 < timings.queue_s < 100.0 + SOON_S
    assert timings.trunk_s == 0.0
    assert timings.decode_s > 0
    assert timings.cache_s > 0
    assert picture.looked_up.cache_s > 0


def test_the_trunks_time_is_that_of_the_whole_batch(bench: Bench) -> None:
    """Two pictures of one batch each tell all of it."""
    bench.trunk.shut()
    bench.call(b"keeps the trunk busy")
    bench.trunk.await_arrival()
    pair = bench.call(b"1", b"2")
    bench.pool.close()
    bench.trunk_s = 8.0
    bench.trunk.open()
    assert [future.result(SOON_S).timings.trunk_s for future in pair] == [8.0, 8.0]


def test_a_cached_picture_spent_no_time_in_any_stage_but_the_look_up(bench: Bench) -> None:
    """Nothing was waited for, decoded or computed."""
    bench.call(b"1", durable=True)[0].result(SOON_S)
    (picture,) = bench.pending(b"1")
    assert picture.futures[0].result(0).timings == Timings()
    assert picture.looked_up.cache_s > 0


def test_a_picture_with_views_is_decoded_once_in_its_timings(bench: Bench) -> None:
    """The picture's own future tells of the decoding, those of its views do not."""
    (picture,) = bench.pending(b"1", views=(View(0, 1), View(0, 2)))
    decodings = [future.result(SOON_S).timings.decode_s for future in picture.futures]
    assert decodings[0] > 0
    assert decodings[1:] == [0.0, 0.0]


def test_the_observer_is_told_of_each_piece_of_work(make_bench: Callable[..., Bench]) -> None:
    """One look-up a call, one decoding a picture, a wait and a write for each input, by the lane it went in."""
    notes = Notes()
    bench = make_bench(observer=notes)
    for future in bench.stream(b"1", b"2"):
        future.result(SOON_S)
    (picture,) = bench.pending(b"3", views=(View(0, 1),), durable=True)
    for future in picture.futures:
        future.result(SOON_S)
    assert len(notes.look_ups) == 2
    assert len(notes.decodings) == 3
    assert len(notes.writes) == 4
    assert [lane for lane, _ in notes.waits] == [Lane.BULK] * 2 + [Lane.INTERACTIVE] * 2
    assert all(seconds > 0 for seconds in (*notes.look_ups, *notes.decodings, *notes.writes))


def test_what_is_found_at_the_second_look_up_has_waited_and_is_counted_once(bench: Bench) -> None:
    """Stored by another between look-up and turn, a picture tells of its wait; the cache counts its look-up once."""
    look_up = bench.disk.get_many

    def land_meanwhile(keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        missed = look_up(keys, counted=counted)
        bench.disk.get_many = look_up  # type: ignore[method-assign]  # only the first look-up is overtaken
        bench.call(b"1", durable=True)[0].result(SOON_S)
        return missed

    bench.disk.get_many = land_meanwhile  # type: ignore[method-assign]  # as above
    overtaken = bench.call(b"1")[0].result(SOON_S)
    assert overtaken.cached
    assert overtaken.timings.queue_s > 0
    assert bench.disk.counted == 2


def test_a_wait_is_that_of_the_lane_the_picture_came_by(make_bench: Callable[..., Bench]) -> None:
    """A picture of a stream that a caller in a hurry takes along has waited in the bulk lane."""
    notes = Notes()
    bench = make_bench(observer=notes)
    bench.trunk.shut()
    stream = bench.stream(b"1", b"2")
    bench.trunk.await_arrival()
    call = bench.call(b"2")
    bench.trunk.open()
    for future in (*stream, *call):
        future.result(SOON_S)
    assert [lane for lane, _ in notes.waits] == [Lane.BULK] * 2
