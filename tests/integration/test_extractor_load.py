"""A real extractor under more work than it can do: lanes, refusals, and callers that leave."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from extractor_process import (
    SOON_S,
    MetricsPage,
    extract,
    free_port,
    images,
    is_serving,
    picture,
    start,
    stream_requests,
    stub_of,
)

from graft import statuses
from graft.errors import Code, ResourceExhaustedError
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from graft.serving.testing import StageProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


class Loaded:
    """A serving extractor in which sixteen pictures may be under way, and its page of metrics."""

    def __init__(self, stage: StageProcess, page: MetricsPage) -> None:
        self.stage = stage
        self.page = page
        self.stub: Any = stub_of(stage)

    def begin(self, contents: Sequence[bytes], timeout_s: float = SOON_S) -> Any:
        """A call whose answer is not waited for."""
        return self.stub.ExtractFeatures.future(pb.ExtractFeaturesRequest(images=images(contents)), timeout=timeout_s)

    def await_nothing_under_way(self) -> dict[str, float]:
        """Wait until every picture is done with, and return the page that says so."""
        return self.page.await_that(
            lambda page: (
                not (
                    page["graft_pictures_in_flight"] or page["graft_pictures_waiting"] or page["graft_in_flight_bytes"]
                )
            )
        )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """One for the module."""
    home: Path = tmp_path_factory.mktemp("home")
    port = free_port()
    with start(home, "--queue-pictures", "16", "--max-views", "8", "--metrics-listen", f"127.0.0.1:{port}") as stage:
        stage.wait_until_serving()
        yield Loaded(stage, MetricsPage(port))


def test_calls_get_in_between_a_stream(loaded: Loaded) -> None:
    """With the bulk lane saturated by hundreds of pictures, call after call is answered long before the stream ends."""
    requests = stream_requests([picture(seed) for seed in range(10_000, 10_800)])
    stream = loaded.stub.StreamFeatures(iter(requests))
    next(stream)
    for seed in range(5):
        assert extract(loaded.stage, [picture(seed)]).results[0].vector
    vectors = loaded.page.fetch()["graft_cache_vectors"]
    assert vectors < 800
    stream.cancel()
    loaded.await_nothing_under_way()


def test_a_stream_gets_on_while_calls_keep_coming(loaded: Loaded) -> None:
    """With the interactive lane never empty, the stream is answered to its end."""
    done = threading.Event()
    answered = [0, 0, 0]

    def keep_calling(caller: int) -> None:
        while not done.is_set():
            call = loaded.begin([picture(100_000 * (caller + 1) + answered[caller])])
            answered[caller] += call.exception(SOON_S) is None  # else there was no room for the moment

    callers = [threading.Thread(target=keep_calling, args=(caller,)) for caller in range(len(answered))]
    for caller in callers:
        caller.start()
    try:
        requests = stream_requests([picture(seed) for seed in range(20_000, 20_032)])
        results = [r for answer in loaded.stub.StreamFeatures(iter(requests), timeout=SOON_S) for r in answer.results]
    finally:
        done.set()
        for caller in callers:
            caller.join(SOON_S)
    assert len(results) == 32
    assert all(result.vector for result in results)
    assert min(answered) > 0


def test_too_many_calls_are_refused_with_a_time_to_come_back(loaded: Loaded) -> None:
    """Of forty calls at once some are answered, the others refused as a whole; health is good all the while."""
    contents = {seed: [picture(4 * seed + each) for each in range(4)] for seed in range(10_000, 10_040)}
    calls = {seed: loaded.begin(content) for seed, content in contents.items()}
    serving = [is_serving(loaded.stage) for _ in range(5)]
    refused = []
    for seed, call in calls.items():
        if (error := call.exception(SOON_S)) is None:
            assert all(result.vector for result in call.result().results)
            continue
        assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        told = statuses.from_rpc_error(error)
        assert isinstance(told, ResourceExhaustedError)
        assert told.reason == "QUEUE_FULL"
        assert told.retry_after_s > 0
        refused.append(seed)
    assert 0 < len(refused) < 40
    assert serving == [True] * 5
    page = loaded.await_nothing_under_way()
    assert page["graft_pictures_total refused"] >= 4 * len(refused)
    again = extract(loaded.stage, contents[refused[0]])
    assert all(result.vector for result in again.results)


def test_callers_that_leave_or_run_out_of_time_leave_nothing_under_way(loaded: Loaded) -> None:
    """The pictures of a cancelled stream and of an expired one are dropped, and the next call has all the room."""
    before = loaded.await_nothing_under_way()
    cancelled = loaded.stub.StreamFeatures(iter(stream_requests([picture(seed) for seed in range(30_000, 30_256)])))
    loaded.page.await_that(lambda page: page["graft_pictures_in_flight"] > 0)
    cancelled.cancel()
    after_cancel = loaded.await_nothing_under_way()
    assert after_cancel["graft_pictures_total dropped"] > before["graft_pictures_total dropped"]
    requests = stream_requests([picture(seed) for seed in range(40_000, 40_256)])
    with pytest.raises(grpc.RpcError) as expired:
        list(loaded.stub.StreamFeatures(iter(requests), timeout=0.3))
    assert statuses.from_rpc_error(expired.value).code is Code.DEADLINE_EXCEEDED
    page = loaded.await_nothing_under_way()
    assert page["graft_pictures_total dropped"] > after_cancel["graft_pictures_total dropped"]
    assert page["graft_pictures_in_flight"] == page["graft_trunk_queue"] == 0
    assert all(result.vector for result in extract(loaded.stage, [picture(seed) for seed in range(8)]).results)
    assert is_serving(loaded.stage)
