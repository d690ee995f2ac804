"""The extractor's page of metrics: what the stages report and what is read when it is fetched."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from fake_extraction import FakeCache
from gates import SOON_S
from prometheus_client import CollectorRegistry

from feature_extractor.metrics import ExtractorCollector, StageTimes
from feature_extractor.pipeline.lanes import Lane
from graft.errors import DataLossError, ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_bench import Bench


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """One sample of the page."""
    return registry.get_sample_value(name, labels)


def test_the_stages_report_by_lane_and_stage() -> None:
    """Each observation is in its own histogram, the waits by lane."""
    registry = CollectorRegistry()
    times = StageTimes(registry)
    times.queued(Lane.BULK, 3.0)
    times.decoded(0.1)
    times.looked_up(0.2)
    times.written(0.3)
    times.computed(8, 0.4)
    assert value(registry, "graft_queue_seconds_sum", lane="bulk") == 3.0
    assert value(registry, "graft_queue_seconds_count", lane="interactive") == 0.0
    sums = [value(registry, f"graft_{name}_seconds_sum") for name in ("decode", "cache_read", "cache_write", "trunk")]
    assert sums == [0.1, 0.2, 0.3, 0.4]
    assert value(registry, "graft_batch_pictures_sum") == 8.0


class BrokenCache(FakeCache):
    """Cannot even tell its size."""

    def stats(self) -> NoReturn:
        """As FeatureCache's on a disk that is gone."""
        raise DataLossError("the disk is gone", reason="CACHE_DAMAGED")


def page(bench: Bench, cache: Any = None) -> CollectorRegistry:
    """A page about this bench and a cache."""
    registry = CollectorRegistry()
    cache = cache or FakeCache()
    registry.register(ExtractorCollector(bench.extraction, bench.batcher, cache))
    return registry


def test_the_page_tells_what_is_under_way(make_bench: Callable[..., Bench]) -> None:
    """Pictures admitted, their bytes, those in line and those before the trunk; zero when all is done."""
    bench = make_bench(capacity=4)
    registry = page(bench)
    bench.trunk.shut()
    (first,) = bench.call(b"12345")
    bench.trunk.await_arrival()
    rest = bench.stream(b"1", b"2", b"3", b"4")
    bench.pool.close()
    under_way = ("graft_pictures_in_flight", "graft_in_flight_bytes", "graft_pictures_waiting", "graft_trunk_queue")
    assert [value(registry, name) for name in under_way] == [4.0, 8.0, 1.0, 3.0]
    rest[3].cancel()
    bench.trunk.open()
    first.result(SOON_S)
    bench.await_nothing_under_way()
    assert [value(registry, name) for name in under_way] == [0.0, 0.0, 0.0, 0.0]


def test_the_page_counts_pictures_by_what_became_of_them(make_bench: Callable[..., Bench]) -> None:
    """Every outcome has a counter of its own."""
    bench = make_bench(capacity=4)
    registry = page(bench)
    bench.trunk.shut()
    computed = bench.call(b"1", b"1", b"2")
    with pytest.raises(ResourceExhaustedError):
        bench.call(b"3", b"4")
    bench.trunk.open()
    for future in (*computed, *bench.call(b"bad", b"")):
        future.exception(SOON_S)
    bench.await_nothing_under_way()
    bench.call(b"1")
    outcomes = {
        name: value(registry, "graft_pictures_total", outcome=name)
        for name in ("cached", "computed", "joined", "refused", "invalid", "failed", "dropped", "wasted", "not_stored")
    }
    assert outcomes == {
        "cached": 1.0,
        "computed": 2.0,
        "joined": 1.0,
        "refused": 2.0,
        "invalid": 2.0,
        "failed": 0.0,
        "dropped": 0.0,
        "wasted": 0.0,
        "not_stored": 0.0,
    }


def test_the_page_tells_of_the_trunks_failures_and_pace(bench: Bench) -> None:
    """A batch that failed, its picture, and the time for a picture once one was computed."""
    registry = page(bench)
    bench.failure = RuntimeError("out of memory")
    bench.call(b"1")[0].exception(SOON_S)
    bench.failure = None
    bench.trunk_s = 3.0
    bench.call(b"1")[0].result(SOON_S)
    bench.await_nothing_under_way()
    bench.batcher.close()
    assert value(registry, "graft_failed_batches_total") == 1.0
    assert value(registry, "graft_pictures_total", outcome="failed") == 1.0
    assert value(registry, "graft_trunk_picture_seconds") == 3.0


def test_a_cache_that_cannot_be_read_leaves_the_rest_of_the_page(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own figures are missing, and the log tells why; the others are there."""
    registry = page(bench, BrokenCache())
    with caplog.at_level(logging.ERROR):
        assert value(registry, "graft_trunk_queue") == 0.0
        assert value(registry, "graft_cache_vectors") is None
    assert "the disk is gone" in caplog.text


def test_the_page_tells_the_state_of_the_cache(bench: Bench) -> None:
    """Sizes and counters, as the cache has them."""
    registry = page(bench)
    sizes = [value(registry, f"graft_cache_{name}") for name in ("vectors", "used_bytes", "limit_bytes")]
    assert sizes == [8.0, 4096.0, 10**6]
    assert value(registry, "graft_cache_lookups_total", found="hit") == 11.0
    assert value(registry, "graft_cache_lookups_total", found="miss") == 12.0
    assert value(registry, "graft_cache_corrupt_total") == 13.0
    assert value(registry, "graft_cache_evicted_total") == 15.0
