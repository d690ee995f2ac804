"""Looking after the cache through both clients."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import FingerprintStats, VerifyProgress
from graft.errors import InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from graft.client import AsyncClient, Client

OLD = b"\x10" * 16


async def test_the_cache_tells_what_it_holds_of_each_trunk(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Vectors and last use by fingerprint; None where the last use is not known."""
    gateway.state.extract(b"rose")
    gateway.state.old_vectors[OLD] = 5
    gateway.state.evicted = 2
    stats = client.cache_stats()
    assert stats == await aclient.cache_stats()
    assert (stats.vectors, stats.file_bytes, stats.evicted) == (6, 4096, 2)
    serving, old = stats.fingerprints
    assert (serving.fingerprint, serving.vectors) == (stats.fingerprint, 1)
    assert serving.last_use_time is not None
    assert old == FingerprintStats(OLD, 5, None)
    assert old.fingerprint_hex == "10" * 16


async def test_a_check_is_told_as_it_goes_on(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Every answer is yielded, the result last; what was damaged is missing then."""
    for name in (b"a", b"b", b"c"):
        gateway.state.extract(name)
    lost = min(gateway.state.cache)
    gateway.state.damaged.add(lost)
    assert list(client.verify_cache()) == [VerifyProgress(1, 3, 1), VerifyProgress(2, 3, 1), VerifyProgress(3, 3, 1)]
    assert client.find_missing([hashlib.sha256(name).digest() for name in (b"a", b"b", b"c")]) == [lost]
    assert [each async for each in aclient.verify_cache()][-1] == VerifyProgress(2, 2, 0)


async def test_evictions_say_what_to_drop(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Each criterion travels if it is given, also a size of 0; the result comes last."""
    gateway.state.old_vectors[OLD] = 5
    *_, result = client.evict_cache(fingerprint=OLD, unused_for_s=1.5)
    assert (result.evicted_vectors, result.evicted_previews, result.used_bytes) == (5, 1, 1024)
    assert [each.evicted_vectors async for each in aclient.evict_cache(to_bytes=0)] == [0, 0]
    first, second = gateway.state.evictions
    assert (first.fingerprint, first.unused_for.ToMilliseconds(), first.HasField("to_bytes")) == (OLD, 1500, False)
    assert (second.fingerprint, second.HasField("unused_for"), second.HasField("to_bytes")) == (b"", False, True)


def test_an_eviction_without_a_criterion_drops_nothing(client: Client, gateway: Any) -> None:
    """The extractor refuses it; numbers that the wire cannot carry are refused before."""
    gateway.state.old_vectors[OLD] = 5
    with pytest.raises(InvalidArgumentError) as caught:
        list(client.evict_cache())
    assert caught.value.reason == "NO_CRITERION"
    for arguments in ({"to_bytes": -1}, {"unused_for_s": float("inf")}, {"unused_for_s": float("nan")}):
        with pytest.raises(InvalidArgumentError, match="give "):
            client.evict_cache(**arguments)  # type: ignore[arg-type] # a dictionary of one argument each
    assert gateway.state.old_vectors == {OLD: 5}


def test_an_end_without_a_result_is_an_error(client: Client, gateway: Any) -> None:
    """Nobody takes a stream that told nothing for a check that found nothing."""
    gateway.state.silent = True
    for told in (client.verify_cache(), client.evict_cache(to_bytes=0)):
        with pytest.raises(UnavailableError, match="ended the stream"):
            list(told)
