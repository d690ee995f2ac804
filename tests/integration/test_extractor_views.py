"""Extra views and timings over the wire, from a real extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from extractor_process import digests_of, extract, picture, start, stream_requests, stub_of

from graft import statuses
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft.serving.testing import StageProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageProcess]:
    """A serving extractor that allows four views."""
    with start(tmp_path_factory.mktemp("home"), "--max-views", "4") as stage:
        stage.wait_until_serving()
        yield stage


def await_stored(extractor: StageProcess, contents: list[bytes], **fields: Any) -> None:
    """Wait until these are on disk: a call is answered before that, a stream after it."""
    list(stub_of(extractor).StreamFeatures(iter(stream_requests(contents, **fields))))


def test_views_are_vectors_of_their_own_and_cached(extractor: StageProcess) -> None:
    """Three views differ from the picture and from each other; the second time all come from the cache, unchanged."""
    contents = [picture(1), picture(2)]
    first = extract(extractor, contents, views=3, view_seed=7)
    for result in first.results:
        assert [view.view for view in result.views] == [1, 2, 3]
        assert len({result.vector, *(view.vector for view in result.views)}) == 4
        assert {len(view.vector) for view in result.views} == {4 * first.dimensions}
        assert not result.cached
    await_stored(extractor, contents, views=3, view_seed=7)
    again = extract(extractor, contents, views=3, view_seed=7)
    assert all(result.cached and all(view.cached for view in result.views) for result in again.results)
    for before, after in zip(first.results, again.results, strict=True):
        assert before.vector == after.vector
        assert [view.vector for view in before.views] == [view.vector for view in after.views]
    more = extract(extractor, contents[:1], views=4, view_seed=7).results[0]
    assert [view.cached for view in more.views] == [True, True, True, False]
    other_seed = extract(extractor, contents[:1], views=1, view_seed=8).results[0]
    assert (other_seed.cached, other_seed.views[0].cached) == (True, False)
    assert other_seed.views[0].vector != more.views[0].vector


def test_timings_tell_where_the_time_went(extractor: StageProcess) -> None:
    """A computed picture tells of decoding and trunk, a cached one of the look-up alone; nobody is told unasked."""
    contents = [picture(10)]
    computed = extract(extractor, contents, views=1, include_timings=True).results[0].timings
    assert computed.decode_ms > 0
    assert computed.trunk_ms > 0
    assert computed.queue_ms > 0
    await_stored(extractor, contents, views=1)
    cached = extract(extractor, contents, views=1, include_timings=True).results[0].timings
    assert (cached.decode_ms, cached.trunk_ms, cached.queue_ms) == (0, 0, 0)
    assert cached.cache_ms > 0
    assert not extract(extractor, contents).results[0].HasField("timings")


def test_streamed_views_are_found_again(extractor: StageProcess) -> None:
    """What a stream has acknowledged with its views is not missing with them, and looked up by view."""
    stub = stub_of(extractor)
    contents = [picture(seed) for seed in range(20, 30)]
    digests = digests_of(contents)
    ask = pb.FindMissingRequest(digests=digests, views=2, view_seed=5)
    assert list(stub.FindMissing(ask).missing_digests) == digests
    extract(extractor, contents[:2])  # the pictures alone are not enough
    assert list(stub.FindMissing(ask).missing_digests) == digests
    requests = stream_requests(contents, 4, views=2, view_seed=5, include_timings=True)
    answers = [result for answer in stub.StreamFeatures(iter(requests)) for result in answer.results]
    assert [result.digest for result in answers] == digests
    assert all(len(result.views) == 2 and result.HasField("timings") for result in answers)
    assert list(stub.FindMissing(ask).missing_digests) == []
    assert len(stub.FindMissing(pb.FindMissingRequest(digests=digests, views=3, view_seed=5)).missing_digests) == 10
    for view in (0, 2):
        (found,) = stub.LookupFeatures(pb.LookupFeaturesRequest(digests=digests, view=view, view_seed=5))
        assert list(found.digests) == digests
        vectors = np.frombuffer(found.vectors, "<f4").reshape(10, found.dimensions)
        sent = [result.views[view - 1].vector if view else result.vector for result in answers]
        assert [vector.tobytes() for vector in vectors] == sent


def test_a_bad_picture_has_no_views(extractor: StageProcess) -> None:
    """It has its error alone, and its neighbour has everything."""
    good, bad = extract(extractor, [picture(40), b"<html>not a picture</html>"], views=2).results
    assert len(good.views) == 2
    assert statuses.from_status(bad.error).reason == "UNSUPPORTED_FORMAT"
    assert not bad.views


def test_more_views_than_allowed_are_refused(extractor: StageProcess) -> None:
    """The limit is the extractor's setting, which GetTrunk tells."""
    assert stub_of(extractor).GetTrunk(pb.GetTrunkRequest()).limits.max_views == 4
    with pytest.raises(grpc.RpcError) as refused:
        extract(extractor, [picture(1)], views=5)
    assert statuses.from_rpc_error(refused.value).reason == "TOO_MANY_VIEWS"
