"""The cache of a real extractor: its state, its verification after damage, its eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from extractor_process import digests_of, extract, picture, start, stream_requests, stub_of

from graft import statuses
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


def flip_a_bit(home: Path, stored: bytes) -> None:
    """Damage every copy of these bytes in the cache's file: a page that was written anew leaves its old self behind."""
    path = home / "cache" / "data.mdb"
    content = path.read_bytes()
    assert stored in content
    damaged = bytearray(stored)
    damaged[len(stored) // 2] ^= 0x10
    path.write_bytes(content.replace(stored, bytes(damaged)))


def test_a_damaged_vector_is_dropped_by_verification_and_computed_again(tmp_path: Path) -> None:
    """One bit was flipped in the file: one of three vectors is dropped, and comes back as it was."""
    contents = [picture(seed) for seed in range(3)]
    with start(tmp_path) as stage:
        stage.wait_until_serving()
        stored = [r for a in stub_of(stage).StreamFeatures(iter(stream_requests(contents))) for r in a.results]
        (sound,) = list(stub_of(stage).VerifyCache(pb.VerifyCacheRequest()))[-1:]
        assert (sound.checked, sound.total, sound.dropped) == (6, 6, 0)
        assert stage.stop() == 0
    flip_a_bit(tmp_path, stored[1].vector)
    with start(tmp_path) as stage:
        stage.wait_until_serving()
        progress = list(stub_of(stage).VerifyCache(pb.VerifyCacheRequest()))
        assert (progress[-1].total, progress[-1].dropped) == (6, 1)
        stats = stub_of(stage).GetCacheStats(pb.GetCacheStatsRequest())
        assert (stats.vectors, stats.corrupt) == (2, 1)
        results = extract(stage, contents).results
        assert [result.cached for result in results] == [True, False, True]
        assert [result.vector for result in results] == [result.vector for result in stored]


def test_the_cache_tells_its_state_and_is_evicted_on_request(tmp_path: Path) -> None:
    """By fingerprint and down to a size; what is dropped is missing afterwards and counted as evicted."""
    contents = [picture(seed) for seed in range(60)]
    digests = digests_of(contents)
    with start(tmp_path) as stage:
        stage.wait_until_serving()
        stub = stub_of(stage)
        list(stub.StreamFeatures(iter(stream_requests(contents, 20, views=1))))
        full = stub.GetCacheStats(pb.GetCacheStatsRequest())
        assert (full.vectors, full.previews, full.computed, full.evicted) == (120, 60, 120, 0)
        (own,) = full.fingerprints
        assert (own.fingerprint, own.vectors) == (full.fingerprint, 120)
        assert own.last_use_time.seconds > 0

        to_bytes = full.used_bytes * 6 // 10
        last = list(stub.EvictCache(pb.EvictCacheRequest(to_bytes=to_bytes)))[-1]
        assert last.used_bytes <= to_bytes
        assert 0 < last.evicted_vectors < 120
        missing = stub.FindMissing(pb.FindMissingRequest(digests=digests, views=1)).missing_digests
        assert 0 < len(missing) < 60

        unknown = list(stub.EvictCache(pb.EvictCacheRequest(fingerprint=bytes(16))))[-1:]
        assert [each.evicted_vectors for each in unknown] in ([], [0])
        rest = list(stub.EvictCache(pb.EvictCacheRequest(fingerprint=own.fingerprint)))[-1]
        assert rest.evicted_vectors == 120 - last.evicted_vectors
        assert len(stub.FindMissing(pb.FindMissingRequest(digests=digests)).missing_digests) == 60
        empty = stub.GetCacheStats(pb.GetCacheStatsRequest())
        assert (empty.vectors, empty.previews, empty.evicted) == (0, 0, 120)
        assert list(empty.fingerprints) == []

        assert not extract(stage, contents[:1]).results[0].cached
        with pytest.raises(grpc.RpcError) as refused:
            list(stub.EvictCache(pb.EvictCacheRequest()))
        assert statuses.from_rpc_error(refused.value).reason == "NO_CRITERION"
