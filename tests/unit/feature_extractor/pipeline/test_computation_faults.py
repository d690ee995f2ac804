"""Whatever is raised on a picture's way: its callers are told, its place is free again, the next one is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from gates import SOON_S
from pipeline_bench import Decoded, expected_vector, pixels_of

from feature_extractor.decoding.views import View
from feature_extractor.pipeline.flights import Flights
from feature_extractor.pipeline.timings import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_bench import Bench


def fail(*_: object, **__: object) -> NoReturn:
    """A fault."""
    raise MemoryError("a fault")


def fewer_views(content: bytes, _: object) -> Decoded:
    """A decoder that forgets the views."""
    return Decoded(pixels_of(content), b"", ())


FAULTS: list[tuple[str, str, Callable[..., Any]]] = [
    ("extraction._computation", "_decode", fail),
    ("extraction._computation", "_decode", fewer_views),
    ("extraction._computation", "_write", fail),
    ("extraction._flights", "publish", fail),
    ("extraction._flights", "wanted", fail),
    ("extraction._flights", "land", fail),
    ("batcher", "submit", fail),
    ("observer", "decoded", fail),
    ("observer", "queued", fail),
    ("observer", "written", fail),
]


@pytest.mark.parametrize(("part", "method", "fault"), FAULTS)
def test_any_fault_ends_in_an_answer_and_a_free_place(
    make_bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    method: str,
    fault: Callable[..., Any],
) -> None:
    """A stream's picture with a view gets the error, keeps no place, and the same picture is computed afterwards."""
    bench = make_bench(capacity=2, observer=Observer())
    owner: Any = bench
    for name in {"observer": "extraction._computation._observer"}.get(part, part).split("."):
        owner = getattr(owner, name)
    terms = {"durable": True, "views": (View(0, 1),)}
    with monkeypatch.context() as broken:
        broken.setattr(owner, method, fault)
        (picture,) = bench.pending(b"1", **terms)
        errors = [future.exception(SOON_S) for future in picture.futures]
        bench.await_nothing_under_way()
    assert isinstance(errors[1], Exception)
    (again,) = bench.pending(b"1", **terms)
    assert again.futures[0].result(SOON_S).vector.tolist() == expected_vector(b"1")
    bench.await_nothing_under_way()


def test_a_fault_of_the_table_itself_gives_the_place_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if nobody can be told of the failure, there is room for others."""
    with monkeypatch.context() as broken:
        broken.setattr(Flights, "fail", fail)
        bench.call(b"bad")
        bench.admission.await_nothing_under_way()


def test_what_the_decoder_or_the_trunk_failed_on_is_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture in one outcome: `failed`, neither computed nor dropped."""
    bench.failure = RuntimeError("out of memory")
    bench.call(b"1")[0].exception(SOON_S)
    bench.await_nothing_under_way()
    monkeypatch.setattr(bench.extraction._computation, "_decode", fail)
    bench.call(b"2")[0].exception(SOON_S)
    bench.await_nothing_under_way()
    stats = bench.extraction.stats()
    assert (stats.failed, stats.computed, stats.dropped, stats.invalid) == (2, 0, 0, 0)
