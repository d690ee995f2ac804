"""Who is refused, who waits, and who goes first when much is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gates import SOON_S

from feature_extractor.pipeline.admission import Bounds
from feature_extractor.pipeline.lanes import Lane
from graft.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from pipeline_bench import Bench

    from feature_extractor.pipeline.flights import Extracted


def letters(futures: list[Future[Extracted]]) -> str:
    """The first bytes of the pictures whose vectors these are."""
    return "".join(chr(int(future.result(SOON_S).vector[0])) for future in futures)


def test_past_the_bound_the_impatient_are_refused_and_the_patient_wait(make_bench: Callable[..., Bench]) -> None:
    """With all places taken, a call is refused with a time to retry, and a stream's pictures are computed later."""
    bench = make_bench(capacity=2)
    bench.trunk.shut()
    admitted = bench.call(b"1", b"2", lane=Lane.BULK)
    with pytest.raises(ResourceExhaustedError, match="2 are under way") as error:
        bench.call(b"3", lane=Lane.BULK)
    assert (error.value.reason, error.value.retry_after_s) == ("QUEUE_FULL", 1.0)
    waiting = bench.stream(b"4", b"5")
    assert bench.extraction.stats().waiting == 2
    bench.trunk.open()
    assert letters(admitted + waiting) == "1245"
    assert bench.extraction.stats().refused == 1


def test_a_call_is_refused_as_a_whole(make_bench: Callable[..., Bench]) -> None:
    """If one of its pictures has no place, none is begun or joined, so that the call can be sent again as it is."""
    bench = make_bench(capacity=3)
    bench.trunk.shut()
    admitted = bench.call(b"1", b"2")
    with pytest.raises(ResourceExhaustedError, match="3 pictures were refused"):
        bench.call(b"2", b"3", b"4")
    assert bench.extraction.stats().in_flight == 2
    assert bench.extraction.stats().joined == 0
    assert bench.extraction.stats().refused == 3
    bench.trunk.open()
    assert letters(admitted) == "12"
    bench.await_nothing_under_way()
    assert sorted(bench.decoded) == [b"1", b"2"]
    assert letters(bench.call(b"2", b"3", b"4")) == "234"


def test_what_is_cached_or_under_way_needs_no_place(make_bench: Callable[..., Bench]) -> None:
    """With every place taken such pictures are answered all the same."""
    bench = make_bench(capacity=2)
    letters(bench.call(b"0", durable=True))
    bench.await_nothing_under_way()
    bench.trunk.shut()
    admitted = bench.call(b"1", b"2")
    joining = bench.call(b"0", b"2")
    bench.trunk.open()
    assert letters(admitted + joining) == "1202"


def test_bytes_are_bounded_too(make_bench: Callable[..., Bench]) -> None:
    """Few large pictures fill the extractor as many small ones do."""
    bench = make_bench(bounds=Bounds(100, 150, 100, 150, 100))
    bench.trunk.shut()
    large = bench.call(b"1" * 90)
    assert bench.extraction.stats().in_flight_bytes == 90
    with pytest.raises(ResourceExhaustedError):
        bench.call(b"2" * 90)
    small = bench.call(b"3" * 60)
    bench.trunk.open()
    assert letters(large + small) == "13"
    bench.await_nothing_under_way()


def test_a_refusal_tells_when_half_of_what_is_ahead_is_done(make_bench: Callable[..., Bench]) -> None:
    """At two seconds a picture, four under way are a reason to come back in four; at nearly nothing, in 50 ms."""
    bench = make_bench(capacity=4)
    bench.trunk.shut()
    bench.call(b"1", b"2", b"3", b"4")
    for seconds, pause in ((2.0, 4.0), (0.0001, 0.05)):
        bench.batcher.seconds_per_picture = seconds
        with pytest.raises(ResourceExhaustedError) as error:
            bench.call(b"5")
        assert error.value.retry_after_s == pause


def test_a_call_whose_time_will_not_do_is_refused_at_once(bench: Bench) -> None:
    """Three pictures of a second each are ahead: a call with two seconds is refused, one with four is taken."""
    bench.batcher.seconds_per_picture = 1.0
    bench.trunk.shut()
    ahead = bench.call(b"1", b"2", b"3")
    with pytest.raises(ResourceExhaustedError) as error:
        bench.call(b"4", deadline=2.0)
    assert (error.value.reason, error.value.retry_after_s) == ("QUEUE_FULL", 1.5)
    taken = bench.call(b"5", deadline=4.0)
    joining = bench.call(b"1", deadline=2.0)
    bench.trunk.open()
    assert letters(ahead + taken + joining) == "12351"


def test_bulk_work_is_not_ahead_of_an_interactive_call(bench: Bench) -> None:
    """However much of the bulk lane is under way, it is no reason to refuse an interactive call for lack of time."""
    bench.batcher.seconds_per_picture = 1.0
    bench.trunk.shut()
    bulk = bench.call(*(bytes([number]) for number in range(1, 20)), lane=Lane.BULK)
    with pytest.raises(ResourceExhaustedError):
        bench.call(b"b", lane=Lane.BULK, deadline=2.0)
    call = bench.call(b"c", deadline=2.0)
    bench.trunk.open()
    assert letters(call) == "c"
    letters(bulk)


def test_a_stream_leaves_places_for_calls(make_bench: Callable[..., Bench]) -> None:
    """However much a stream brings, a call beside it is admitted."""
    bench = make_bench(capacity=4)
    bench.trunk.shut()
    stream = bench.stream(*(bytes([each]) for each in b"12345678"))
    assert (bench.extraction.stats().in_flight, bench.extraction.stats().waiting) == (3, 5)
    call = bench.call(b"9")
    bench.trunk.open()
    assert letters(call) == "9"
    assert letters(stream) == "12345678"


def test_calls_of_the_bulk_lane_leave_places_for_interactive_ones(make_bench: Callable[..., Bench]) -> None:
    """At three quarters they are refused."""
    bench = make_bench(capacity=4)
    bench.trunk.shut()
    bulk = bench.call(b"1", b"2", b"3", lane=Lane.BULK)
    with pytest.raises(ResourceExhaustedError):
        bench.call(b"4", lane=Lane.BULK)
    call = bench.call(b"5")
    bench.trunk.open()
    assert letters(bulk + call) == "1235"


def test_an_interactive_picture_is_in_the_next_batch(make_bench: Callable[..., Bench]) -> None:
    """It is decoded and computed before everything of the bulk lane that has not begun."""
    bench = make_bench(threads=1, sizes=(1,))
    bench.decoder.shut()
    stream = bench.stream(*(bytes([each]) for each in b"123456"))
    bench.decoder.await_arrival()
    call = bench.call(b"c")
    bench.decoder.open()
    assert letters(call + stream) == "c123456"
    assert bench.decoded[:2] == [b"1", b"c"]
    assert bench.computed.index(ord("c")) <= 1


HASTENED: list[tuple[str, dict[str, Any]]] = [
    ("in line", {"bounds": Bounds(100, 10_000, 100, 10_000, patient_pictures=2), "threads": 1, "sizes": (1,)}),
    ("for a thread", {"threads": 1, "sizes": (1,)}),
]


@pytest.mark.parametrize(("where", "settings"), HASTENED)
def test_a_caller_in_a_hurry_takes_a_bulk_picture_along(
    make_bench: Callable[..., Bench], where: str, settings: dict[str, Any]
) -> None:
    """Joined by an interactive caller, a picture of a stream is decoded next, be it in line or in the pool."""
    bench = make_bench(**settings)
    bench.decoder.shut()
    stream = bench.stream(*(bytes([each]) for each in b"123456"))
    bench.decoder.await_arrival()
    assert (bench.extraction.stats().waiting > 0) == (where == "in line")
    call = bench.call(b"6")
    bench.decoder.open()
    assert letters(call + stream) == "6123456"
    assert bench.decoded == [b"1", b"6", b"2", b"3", b"4", b"5"]
    bench.await_nothing_under_way()


def test_a_caller_in_a_hurry_takes_a_decoded_bulk_picture_along(make_bench: Callable[..., Bench]) -> None:
    """Joined by an interactive caller while it waits for the trunk, a picture of a stream is in the next batch."""
    bench = make_bench(threads=1, sizes=(1,))
    bench.trunk.shut()
    stream = bench.stream(*(bytes([each]) for each in b"123456"))
    bench.trunk.await_arrival()
    bench.pool.close()
    call = bench.call(b"6")
    bench.trunk.open()
    assert letters(call + stream) == "6123456"
    assert bench.computed == list(b"162345")


@pytest.mark.parametrize(
    ("part", "method"), [("admission", "enter_in_line"), ("pool", "submit"), ("batcher", "submit")]
)
def test_a_caller_in_a_hurry_is_in_time_for_a_picture_between_two_places(
    make_bench: Callable[..., Bench], part: str, method: str
) -> None:
    """Joined just before it is in line, in the pool or before the trunk, a picture is hastened all the same."""
    patient_pictures = 3 if part == "admission" else 8
    bench = make_bench(bounds=Bounds(100, 10_000, 100, 10_000, patient_pictures), threads=1, sizes=(1,))
    gate = bench.trunk if part == "batcher" else bench.decoder
    gate.shut()
    stream = bench.stream(b"0", b"a", b"b")
    gate.await_arrival()
    overtaken = getattr(getattr(bench, part), method)
    joining: list[Future[Extracted]] = []

    def join_meanwhile(*arguments: Any) -> Any:
        if part != "batcher" or arguments[0][0, 0, 0] == ord("1"):
            joining.extend(bench.call(b"1"))
        return overtaken(*arguments)

    setattr(getattr(bench, part), method, join_meanwhile)
    stream += bench.stream(b"1")
    if part == "batcher":
        bench.pool.close()
    gate.open()
    assert letters(joining + stream) == "10ab1"
    assert (bytes(bench.computed) if part == "batcher" else b"".join(bench.decoded)) == b"01ab"
    bench.await_nothing_under_way()
