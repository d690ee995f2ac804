"""Extra views of a picture: computed beside it, cached under keys of their own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from gates import SOON_S
from pipeline_bench import expected_vector

from feature_extractor.decoding.views import View, picture_key
from feature_extractor.pipeline.admission import Bounds
from graft.errors import InvalidArgumentError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_bench import Bench

    from feature_extractor.pipeline.calls import Pending

CONTENT = b"a picture"
DIGEST = hashlib.sha256(CONTENT).digest()
VIEWS = tuple(View(5, number) for number in range(1, 4))


def vectors_of(picture: Pending) -> list[list[float]]:
    """The picture's and its views'."""
    return [future.result(SOON_S).vector.tolist() for future in picture.futures]


def test_a_picture_and_its_views_are_decoded_once_and_computed_each(bench: Bench) -> None:
    """K views give K + 1 vectors under K + 1 keys, out of one decoding; the preview is the picture's."""
    (picture,) = bench.pending(CONTENT, views=VIEWS, durable=True)
    assert vectors_of(picture) == [expected_vector(CONTENT, view) for view in (None, *VIEWS)]
    assert len({tuple(vector) for vector in vectors_of(picture)}) == 4
    keys = [picture_key(DIGEST, view) for view in (None, *VIEWS)]
    assert [future.result().key for future in picture.futures] == keys
    assert set(bench.disk.vectors) == set(keys)
    assert bench.disk.previews == {DIGEST: b"preview of a picture"}
    assert bench.decoded == [CONTENT]
    assert bench.extraction.stats().computed == 4


def test_views_come_from_the_cache_the_second_time(bench: Bench) -> None:
    """The same call again decodes nothing."""
    (first,) = bench.pending(CONTENT, views=VIEWS, durable=True)
    expected = vectors_of(first)
    (again,) = bench.pending(CONTENT, views=VIEWS)
    assert all(future.done() and future.result().cached for future in again.futures)
    assert vectors_of(again) == expected
    assert bench.decoded == [CONTENT]


def test_only_what_is_missing_is_computed(bench: Bench) -> None:
    """With the picture and one view stored, the other views go through the trunk and nothing else."""
    vectors_of(bench.pending(CONTENT, views=VIEWS[1:2], durable=True)[0])
    (picture,) = bench.pending(CONTENT, views=VIEWS, durable=True)
    assert vectors_of(picture) == [expected_vector(CONTENT, view) for view in (None, *VIEWS)]
    assert [future.result().cached for future in picture.futures] == [True, False, True, False]
    assert bench.extraction.stats().computed == 4


def test_views_of_another_seed_are_other_views(bench: Bench) -> None:
    """Nothing of one seed is taken for the other's."""
    vectors_of(bench.pending(CONTENT, views=VIEWS, durable=True)[0])
    others = tuple(View(6, view.number) for view in VIEWS)
    (picture,) = bench.pending(CONTENT, views=others)
    assert vectors_of(picture) == [expected_vector(CONTENT, view) for view in (None, *others)]
    assert [future.result().cached for future in picture.futures] == [True, False, False, False]


def test_views_under_way_are_shared(bench: Bench) -> None:
    """A call for more views of a picture under way waits for those and computes only the others."""
    bench.trunk.shut()
    (few,) = bench.pending(CONTENT, views=VIEWS[:1])
    (many,) = bench.pending(CONTENT, views=VIEWS)
    bench.trunk.open()
    assert vectors_of(few) == [expected_vector(CONTENT, view) for view in (None, VIEWS[0])]
    assert vectors_of(many) == [expected_vector(CONTENT, view) for view in (None, *VIEWS)]
    bench.await_nothing_under_way()
    assert (bench.extraction.stats().joined, bench.extraction.stats().computed) == (2, 4)


def test_what_is_wrong_with_a_picture_is_wrong_with_its_views(bench: Bench) -> None:
    """Each of its futures has the error, it counts as one invalid picture, and its neighbour is computed."""
    good, bad, empty = bench.pending(CONTENT, b"bad", b"", views=VIEWS)
    assert vectors_of(good)[0] == expected_vector(CONTENT)
    for picture, reason in ((bad, "UNSUPPORTED_FORMAT"), (empty, "EMPTY_IMAGE")):
        for future in picture.futures:
            with pytest.raises(InvalidArgumentError) as refused:
                future.result(SOON_S)
            assert refused.value.reason == reason
    bench.await_nothing_under_way()
    assert bench.extraction.stats().invalid == 2


def test_a_view_nobody_wants_any_more_is_dropped_alone(bench: Bench) -> None:
    """Cancelled before decoding, it is neither drawn nor computed; the picture and the other views are."""
    bench.decoder.shut()
    blockers = [*bench.call(b"1"), *bench.call(b"2")]
    for _ in blockers:
        bench.decoder.await_arrival()
    (picture,) = bench.pending(CONTENT, views=VIEWS)
    picture.futures[2].cancel()
    bench.decoder.open()
    kept = [picture.futures[place].result(SOON_S).vector.tolist() for place in (0, 1, 3)]
    assert kept == [expected_vector(CONTENT, view) for view in (None, VIEWS[0], VIEWS[2])]
    bench.await_nothing_under_way()
    assert (bench.extraction.stats().dropped, bench.extraction.stats().computed) == (1, 5)


def test_views_take_places_and_the_picture_its_bytes_once(bench: Bench) -> None:
    """A picture with three views holds four places and its bytes once, until the last is stored."""
    bench.trunk.shut()
    (picture,) = bench.pending(CONTENT, views=VIEWS)
    assert bench.extraction.stats().in_flight == 4
    assert bench.extraction.stats().in_flight_bytes == len(CONTENT)
    bench.trunk.open()
    vectors_of(picture)
    bench.await_nothing_under_way()


@pytest.mark.parametrize("patient", [False, True])
def test_what_exceeds_the_bounds_with_its_views_is_computed_alone(
    make_bench: Callable[..., Bench], *, patient: bool
) -> None:
    """Four inputs where only two may be under way are let in when nothing else is; meanwhile others are refused."""
    bench = make_bench(bounds=Bounds(2, 100, 2, 100, 2))
    bench.trunk.shut()
    (picture,) = bench.pending(CONTENT, views=VIEWS, patient=patient)
    with pytest.raises(ResourceExhaustedError):
        bench.call(b"another")
    bench.trunk.open()
    assert vectors_of(picture) == [expected_vector(CONTENT, view) for view in (None, *VIEWS)]
    bench.await_nothing_under_way()
