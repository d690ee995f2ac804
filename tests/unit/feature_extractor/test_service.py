"""What FeatureExtractorService extracts, over a real connection: lanes, views, timings, streams, refusals."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from fake_extraction import DIMENSIONS, FINGERPRINT
from served_extractor import MAX_INPUTS, MAX_VIEWS, digest_of, images, refusal, wire

from feature_extractor.conversions import feature_results
from feature_extractor.decoding.views import View, picture_key
from feature_extractor.pipeline.calls import Terms
from feature_extractor.pipeline.lanes import Lane
from graft import statuses
from graft.errors import InvalidArgumentError, ResourceExhaustedError
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from served_extractor import Served


async def test_pictures_are_answered_in_their_order(served: Served) -> None:
    """Each has its digest and its vector, little-endian; nothing that was not asked for is there."""
    response = await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"one", b"two")))
    assert (response.fingerprint, response.dimensions) == (FINGERPRINT, DIMENSIONS)
    assert [result.digest for result in response.results] == [digest_of(b"one"), digest_of(b"two")]
    assert [result.vector for result in response.results] == [wire(digest_of(b"one")), wire(digest_of(b"two"))]
    assert not any(result.HasField("timings") or result.views for result in response.results)
    assert served.extraction.calls == [([b"one", b"two"], Terms())]


@pytest.mark.parametrize(
    ("asked", "lane"),
    [
        (pb.LANE_UNSPECIFIED, Lane.INTERACTIVE),
        (pb.LANE_INTERACTIVE, Lane.INTERACTIVE),
        (pb.LANE_BULK, Lane.BULK),
        (99, Lane.INTERACTIVE),
    ],
)
async def test_a_call_waits_in_the_lane_it_asks_for(served: Served, asked: Any, lane: Lane) -> None:
    """Interactive unless it says bulk; a lane of a later version is the method's own."""
    await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1"), lane=asked))
    assert served.extraction.calls[0][1].lane is lane


async def test_a_calls_deadline_goes_along(served: Served) -> None:
    """The pipeline is told when the caller stops waiting, and of a caller without a deadline nothing."""
    await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1")), timeout=100)
    await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1")))
    assert [terms.deadline is None for _, terms in served.extraction.calls] == [False, True]


async def test_views_are_asked_for_and_answered_by_number(served: Served) -> None:
    """Two views are those of the seed with the numbers 1 and 2, each with its vector and whether it was cached."""
    request = pb.ExtractFeaturesRequest(images=images(b"one"), views=2, view_seed=2**64 - 1)
    (result,) = (await served.stub.ExtractFeatures(request)).results
    views = (View(2**64 - 1, 1), View(2**64 - 1, 2))
    assert served.extraction.calls[0][1].views == views
    assert [(view.view, view.vector) for view in result.views] == [
        (view.number, wire(picture_key(digest_of(b"one"), view))) for view in views
    ]
    assert result.vector == wire(digest_of(b"one"))


async def test_timings_are_told_to_those_who_ask(served: Served) -> None:
    """They are the sum over the picture, its views and the look-up, in milliseconds."""
    request = pb.ExtractFeaturesRequest(images=images(b"one"), views=1, include_timings=True)
    (result,) = (await served.stub.ExtractFeatures(request)).results
    assert result.timings == pb.StageTimings(queue_ms=2000, decode_ms=4000, trunk_ms=6000, cache_ms=8500)


async def test_a_picture_with_an_error_has_nothing_else(served: Served) -> None:
    """The error names the picture by its place; it has no vector, no views, no timings; its neighbours have."""
    served.extraction.errors[b"bad"] = InvalidArgumentError("no picture", reason="CORRUPT_IMAGE")
    request = pb.ExtractFeaturesRequest(images=images(b"one", b"bad"), views=2, include_timings=True)
    good, bad = (await served.stub.ExtractFeatures(request)).results
    assert good.vector
    assert good.HasField("timings")
    error = statuses.from_status(bad.error)
    assert (error.reason, error.metadata["index"]) == ("CORRUPT_IMAGE", "1")
    assert not bad.vector
    assert not bad.views
    assert not bad.HasField("timings")


async def test_a_fault_of_the_server_is_not_told_in_detail(served: Served) -> None:
    """What the trunk raised stays in the log."""
    served.extraction.errors[b"1"] = RuntimeError("out of memory at 0xdead")
    (result,) = (await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1")))).results
    error = statuses.from_status(result.error)
    assert error.code.name == "INTERNAL"
    assert "0xdead" not in error.message


async def test_a_full_queue_refuses_the_whole_call(served: Served) -> None:
    """The status is the call's, with the pause in it."""
    served.extraction.refusal = ResourceExhaustedError("too much", retry_after_s=2.5)
    error = await refusal(served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1"))))
    assert isinstance(error, ResourceExhaustedError)
    assert (error.reason, error.retry_after_s) == ("QUEUE_FULL", 2.5)


@pytest.mark.parametrize(
    ("request_fields", "reason"),
    [
        ({"images": []}, "NO_IMAGES"),
        ({"images": images(*[b"1"] * 5)}, "TOO_MANY_IMAGES"),
        ({"images": images(b"1"), "views": MAX_VIEWS + 1}, "TOO_MANY_VIEWS"),
    ],
)
async def test_a_request_past_the_limits_is_refused(
    served: Served, request_fields: dict[str, Any], reason: str
) -> None:
    """In a call and in a stream, before anything is begun."""
    error = await refusal(served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(**request_fields)))
    assert error.reason == reason
    error = await refusal(served.stub.StreamFeatures(iter([pb.StreamFeaturesRequest(**request_fields)])))
    assert (error.reason, error.code.name) == (reason, "INVALID_ARGUMENT")
    assert served.extraction.calls == []


async def test_a_call_with_too_many_inputs_is_refused_and_a_stream_is_not(served: Served) -> None:
    """Four pictures with two views are as many as may be, with three too many, unless they come by a stream."""
    assert MAX_INPUTS == 4 * (1 + 2)
    fields: dict[str, Any] = {"images": images(b"1", b"2", b"3", b"4"), "views": 2}
    assert len((await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(**fields))).results) == 4
    fields["views"] = 3
    error = await refusal(served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(**fields)))
    assert (error.reason, error.code.name) == ("TOO_MANY_INPUTS", "INVALID_ARGUMENT")
    assert "at most 12" in error.message
    assert isinstance(error, InvalidArgumentError)
    assert "at most 3" in error.violations[0].description
    (answer,) = [each async for each in served.stub.StreamFeatures(iter([pb.StreamFeaturesRequest(**fields)]))]
    assert len(answer.results) == 4


async def test_calls_of_too_many_bytes_are_refused_until_those_before_are_done(served: Served) -> None:
    """They are refused before anything is hashed, also where nothing would be computed; neither lane bars the other."""
    served.extraction.held = True
    served.extraction.go.set()
    request = pb.ExtractFeaturesRequest(images=images(b"1" * 900))
    first = served.stub.ExtractFeatures(request)
    assert await asyncio.to_thread(served.extraction.entered.wait, 10)
    error = await refusal(served.stub.ExtractFeatures(request))
    assert isinstance(error, ResourceExhaustedError)
    assert (error.reason, error.retry_after_s) == ("QUEUE_FULL", 1.5)
    assert len(served.extraction.calls) == 1
    served.extraction.entered.clear()
    bulk = served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=request.images, lane=pb.LANE_BULK))
    assert await asyncio.to_thread(served.extraction.entered.wait, 10)
    waits = [asyncio.wrap_future(picture.futures[0]) for picture in served.extraction.pending]
    for call in (first, bulk):
        call.cancel()
    await asyncio.wait_for(asyncio.wait(waits), 10)
    served.extraction.held = False
    assert (await served.stub.ExtractFeatures(request)).results[0].vector


async def test_many_results_are_built_beside_the_event_loop(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer holds up nothing else, and is the same."""
    threads: list[int] = []

    def note(*arguments: Any, **named: Any) -> list[pb.FeatureResult]:
        threads.append(threading.get_ident())
        return feature_results(*arguments, **named)

    monkeypatch.setattr("feature_extractor.service.feature_results", note)
    monkeypatch.setattr("feature_extractor.service._INLINE_RESULTS", 2)
    for contents in ([b"1", b"2"], [b"1", b"2", b"3"]):
        response = await served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(*contents)))
        assert [result.vector for result in response.results] == [wire(digest_of(each)) for each in contents]
    assert [thread == threading.get_ident() for thread in threads] == [True, False]


async def test_a_stream_waits_in_line_for_the_disk(served: Served) -> None:
    """Its messages are bulk, patient and durable, are answered in order, and without vectors if it wants none."""
    requests = [
        pb.StreamFeaturesRequest(images=images(b"one"), views=1, view_seed=5),
        pb.StreamFeaturesRequest(images=images(b"two"), omit_vectors=True, views=1, include_timings=True),
    ]
    first, second = [response async for response in served.stub.StreamFeatures(iter(requests))]
    assert [result.digest for answer in (first, second) for result in answer.results] == [
        digest_of(b"one"),
        digest_of(b"two"),
    ]
    assert first.results[0].views[0].vector == wire(picture_key(digest_of(b"one"), View(5, 1)))
    assert not first.results[0].HasField("timings")
    assert (second.results[0].vector, second.results[0].views[0].vector) == (b"", b"")
    assert second.results[0].HasField("timings")
    terms = [terms for _, terms in served.extraction.calls]
    assert {(each.lane, each.patient, each.durable) for each in terms} == {(Lane.BULK, True, True)}


@pytest.mark.parametrize("size", [10, 300_000], ids=["small", "hashed in a thread"])
async def test_what_a_caller_that_leaves_had_begun_is_cancelled(served: Served, size: int) -> None:
    """The futures of its pictures are cancelled, also if it leaves while they are being begun."""
    served.extraction.held = True
    if size == 10:
        served.extraction.go.set()
    call = served.stub.ExtractFeatures(pb.ExtractFeaturesRequest(images=images(b"1" * size), views=1))
    assert await asyncio.to_thread(served.extraction.entered.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    (picture,) = served.extraction.pending
    waits = [asyncio.wrap_future(future) for future in picture.futures]
    served.extraction.go.set()
    await asyncio.wait_for(asyncio.wait(waits), 10)
    assert all(future.cancelled() for future in picture.futures)
