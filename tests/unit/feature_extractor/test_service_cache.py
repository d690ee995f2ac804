"""What FeatureExtractorService tells of the cache and does with it, over a real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
from fake_extraction import DIMENSIONS, FINGERPRINT, vector_of
from served_extractor import MAX_VIEWS, digest_of, refusal, wire

from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.decoding.views import View, picture_key
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from served_extractor import Served


async def test_missing_is_what_is_not_there_with_all_its_views(served: Served) -> None:
    """Repeats are left out and the order is kept; without views the picture itself is enough."""
    whole, bare, none = (digest_of(content) for content in (b"whole", b"bare", b"none"))
    views = [View(7, number) for number in (1, 2)]
    for key in (whole, *(picture_key(whole, view) for view in views), bare, picture_key(bare, views[0])):
        served.cache.vectors[key] = vector_of(key)
    digests = [none, bare, whole, none]

    async def missing(**fields: Any) -> list[bytes]:
        response = await served.stub.FindMissing(pb.FindMissingRequest(digests=digests, **fields))
        assert response.fingerprint == FINGERPRINT
        return list(response.missing_digests)

    assert await missing() == [none]
    assert await missing(views=1, view_seed=7) == [none]
    assert await missing(views=2, view_seed=7) == [none, bare]
    assert await missing(views=1, view_seed=8) == [none, bare, whole]


async def test_many_digests_are_searched_for_in_parts(served: Served) -> None:
    """However many are asked about, the cache is asked about some hundreds of pictures at a time; none is forgotten."""
    digests = [digest_of(b"%d" % number) for number in range(600)]
    served.cache.vectors = {digest: vector_of(digest) for digest in digests[1:-1]}
    response = await served.stub.FindMissing(pb.FindMissingRequest(digests=digests))
    assert list(response.missing_digests) == [digests[0], digests[-1]]
    assert max(served.cache.asked) < 300
    assert sum(served.cache.asked) == 600


async def test_vectors_are_looked_up_by_view(served: Served) -> None:
    """View 0 is the picture as it is, view 2 what was stored under its key; the rest is named as missing."""
    there, away = digest_of(b"there"), digest_of(b"away")
    for key in (there, picture_key(there, View(7, 2))):
        served.cache.vectors[key] = vector_of(key)

    async def look_up(**fields: Any) -> tuple[list[bytes], bytes, list[bytes]]:
        request = pb.LookupFeaturesRequest(digests=[away, there], **fields)
        (response,) = [message async for message in served.stub.LookupFeatures(request)]
        return list(response.digests), response.vectors, list(response.missing_digests)

    assert await look_up() == ([there], wire(there), [away])
    assert await look_up(view=2, view_seed=7) == ([there], wire(picture_key(there, View(7, 2))), [away])
    assert await look_up(view=1, view_seed=7) == ([], b"", [away, there])


async def test_many_digests_are_looked_up_in_several_messages(served: Served) -> None:
    """A request of 300 is answered in parts, together everything in order."""
    digests = [digest_of(b"%d" % number) for number in range(300)]
    served.cache.vectors = {digest: vector_of(digest) for digest in digests}
    messages = [m async for m in served.stub.LookupFeatures(pb.LookupFeaturesRequest(digests=digests))]
    assert len(messages) == 2
    assert [digest for message in messages for digest in message.digests] == digests
    vectors = np.frombuffer(b"".join(message.vectors for message in messages), "<f4").reshape(-1, DIMENSIONS)
    assert vectors[299].tolist() == vector_of(digests[299]).tolist()


async def test_previews_come_one_a_message(served: Served) -> None:
    """In the order asked for, empty where there is none."""
    served.cache.previews[digest_of(b"1")] = b"jpeg"
    request = pb.GetPreviewsRequest(digests=[digest_of(b"2"), digest_of(b"1")])
    answers = [(each.digest, each.jpeg) async for each in served.stub.GetPreviews(request)]
    assert answers == [(digest_of(b"2"), b""), (digest_of(b"1"), b"jpeg")]


async def test_lookups_past_the_limits_are_refused(served: Served) -> None:
    """Too many views and digests of the wrong length, whatever asks."""
    for call in (
        served.stub.FindMissing(pb.FindMissingRequest(views=MAX_VIEWS + 1)),
        served.stub.LookupFeatures(pb.LookupFeaturesRequest(view=MAX_VIEWS + 1)),
    ):
        assert (await refusal(call)).reason == "TOO_MANY_VIEWS"
    for call in (
        served.stub.FindMissing(pb.FindMissingRequest(digests=[b"short"])),
        served.stub.LookupFeatures(pb.LookupFeaturesRequest(digests=[bytes(40)])),
        served.stub.GetPreviews(pb.GetPreviewsRequest(digests=[b""])),
    ):
        assert (await refusal(call)).reason == "INVALID_DIGEST"


async def test_the_caches_state_is_told_by_fingerprint(served: Served) -> None:
    """Everything the cache counts is on the wire, a time of last use only where it is known."""
    stats = await served.stub.GetCacheStats(pb.GetCacheStatsRequest())
    told = (stats.vectors, stats.previews, stats.used_bytes, stats.limit_bytes, stats.file_bytes)
    assert told == (8, 4, 4096, 10**6, 8192)
    counted = (stats.hits, stats.misses, stats.corrupt, stats.computed, stats.evicted)
    assert counted == (11, 12, 13, 77, 15)
    own, other = stats.fingerprints
    assert (own.fingerprint, own.vectors, own.last_use_time.seconds) == (FINGERPRINT, 5, 1_700_000_000)
    assert (other.fingerprint, other.vectors, other.HasField("last_use_time")) == (bytes(16), 3, False)


async def test_verification_streams_how_far_it_is(served: Served) -> None:
    """A message for each step; the last is the whole result."""
    steps = [
        (each.checked, each.total, each.dropped) async for each in served.stub.VerifyCache(pb.VerifyCacheRequest())
    ]
    assert steps == [(100, 300, 1), (200, 300, 2), (300, 300, 3)]


async def test_a_caller_that_leaves_ends_the_verification(served: Served) -> None:
    """The steps that are left are not taken: the generator is closed."""
    served.cache.steps = 10**9
    call = served.stub.VerifyCache(pb.VerifyCacheRequest())
    await call.read()
    call.cancel()
    assert await asyncio.to_thread(served.cache.closed.wait, 10)


async def test_eviction_streams_how_far_it_is(served: Served) -> None:
    """The criteria reach the cache as they were sent, and those not sent as none."""
    request = pb.EvictCacheRequest(fingerprint=bytes(16), to_bytes=0)
    request.unused_for.FromMilliseconds(1500)
    answers = [
        (each.evicted_vectors, each.evicted_previews, each.used_bytes) async for each in served.stub.EvictCache(request)
    ]
    assert answers == [(10, 1, 999), (20, 2, 998), (30, 3, 997)]
    forever = pb.EvictCacheRequest()
    forever.unused_for.seconds = 2**62
    for other in (pb.EvictCacheRequest(to_bytes=5), forever):
        _ = [each async for each in served.stub.EvictCache(other)]
    assert served.cache.evictions == [
        EvictionRequest(fingerprint=bytes(16), unused_for_s=1.5, to_bytes=0),
        EvictionRequest(to_bytes=5),
        EvictionRequest(unused_for_s=2.0**62),
    ]


async def test_an_eviction_without_a_good_criterion_is_refused(served: Served) -> None:
    """Nothing is dropped on a request that does not say what."""
    negative, slightly = pb.EvictCacheRequest(), pb.EvictCacheRequest()
    negative.unused_for.seconds = -(2**62)
    slightly.unused_for.nanos = -1
    for request, reason in (
        (pb.EvictCacheRequest(), "NO_CRITERION"),
        (pb.EvictCacheRequest(fingerprint=b"short", to_bytes=1), "INVALID_FINGERPRINT"),
        (negative, "INVALID_DURATION"),
        (slightly, "INVALID_DURATION"),
    ):
        assert (await refusal(served.stub.EvictCache(request))).reason == reason
    assert served.cache.evictions == []


async def test_the_trunk_and_the_limits_are_told(served: Served) -> None:
    """GetTrunk answers what the service was given."""
    answer = await served.stub.GetTrunk(pb.GetTrunkRequest())
    assert (answer.trunk.fingerprint, answer.limits.max_views) == (FINGERPRINT, MAX_VIEWS)
