"""The load on the extractor: callers that wait for their answers, a stream, look-ups, a caller with pauses.

Messages go out and come in as bytes; what is in the answers is read when the clock has stopped. One event loop costs as
little processor time for a call as threads do (0.23 ms against 0.24 ms, 60 KB out and 8 KB in).
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from bench.answers import Findings
from bench.rates import closed_loop_rate
from bench.shares import Share
from graft.channels import open_channel
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1.common_pb2 import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.supply import Supply

SERVICE = "/graft.v1.FeatureExtractorService/"
MESSAGE = 64
"""Pictures in a message of the stream."""

_WINDOW = 4  # messages of the stream under way at once
_LOOKUP = 20_000


def request_of(pictures: list[bytes], *, timings: bool = False) -> bytes:
    """A request of ExtractFeatures or StreamFeatures as bytes; the fields used have the same numbers in both."""
    images = [Image(content=each) for each in pictures]
    if timings:
        return pb.StreamFeaturesRequest(images=images, include_timings=True).SerializeToString()
    return pb.ExtractFeaturesRequest(images=images).SerializeToString()


async def unary(supply: Supply, address: str, callers: int, seconds: float, known: int = 0) -> dict[str, Any]:
    """So many callers, one picture a call, each sending the next when the last is answered."""
    loop_end = time.perf_counter() + seconds
    ends: list[list[float]] = [[] for _ in range(callers)]
    times_ms: list[float] = []
    raw: list[bytes] = []
    turns = iter(range(10**9))

    async with open_channel(address, retries=False) as channel:
        call: Any = channel.unary_unary(SERVICE + "ExtractFeatures")

        async def caller(mine: list[float]) -> None:
            while time.perf_counter() < loop_end or len(mine) < 2:  # noqa: PLR2004 - an interval has two ends
                request = request_of(supply.take(1, known, next(turns)))
                begun = time.perf_counter()
                raw.append(await call(request))
                mine.append(time.perf_counter())
                times_ms.append((mine[-1] - begun) * 1000)

        with Share() as share:
            await asyncio.gather(*map(caller, ends))
    found = Findings()
    found.look_at(map(pb.ExtractFeaturesResponse.FromString, raw), 1)
    return {
        "rate": closed_loop_rate(ends),
        "times_ms": times_ms[callers:],
        "generator_share": share.value,
        **found.summary(),
    }


async def stream(
    supply: Supply, address: str, seconds: float, known: int = 0, at_least: int = 2, *, timings: bool = False
) -> dict[str, Any]:
    """One stream with messages of 64 pictures, a few under way, until the time is up and all are answered.

    `at_least` so many messages are sent, however short the time.
    """
    end = time.perf_counter() + seconds
    room = asyncio.Semaphore(_WINDOW)
    times: list[float] = []
    raw: list[bytes] = []

    async def messages() -> AsyncIterator[bytes]:
        turn = 0
        while turn < at_least or time.perf_counter() < end:
            await room.acquire()
            yield request_of(supply.take(MESSAGE, known, turn), timings=timings)
            turn += 1

    async with open_channel(address, retries=False) as channel:
        call: Any = channel.stream_stream(SERVICE + "StreamFeatures")
        with Share() as share:
            async for answer in call(messages()):
                times.append(time.perf_counter())
                raw.append(answer)
                room.release()
    found = Findings()
    found.look_at(map(pb.StreamFeaturesResponse.FromString, raw), MESSAGE)
    rate = closed_loop_rate([times], items=MESSAGE)
    return {"rate": rate, "generator_share": share.value, **found.summary()}


async def lookup(supply: Supply, address: str, seconds: float, known: int) -> dict[str, Any]:
    """Vectors of the known set by digest, 20,000 a call, one call after another."""
    digests = supply.known_digests(known)
    wanted = (digests * (_LOOKUP // known + 1))[:_LOOKUP]
    request = pb.LookupFeaturesRequest(digests=wanted).SerializeToString()
    found, taken = Findings(), 0.0
    async with open_channel(address, retries=False) as channel:
        call: Any = channel.unary_stream(SERVICE + "LookupFeatures")
        while taken < seconds:
            begun = time.perf_counter()
            raw = [answer async for answer in call(request)]
            taken += time.perf_counter() - begun
            for answer in raw:
                found.look_at_rows(pb.LookupFeaturesResponse.FromString(answer))
    return {"rate": found.pictures / taken, **found.summary()}


async def paused(supply: Supply, address: str, seconds: float, pause_ms: float) -> dict[str, Any]:
    """One caller, a new picture a call, before each a random pause (0 to twice `pause_ms`): how long it waits."""
    draw = random.Random(0)  # noqa: S311 - pauses are no secret
    raw: list[bytes] = []
    times_ms: list[float] = []
    end = time.perf_counter() + seconds
    async with open_channel(address, retries=False) as channel:
        call: Any = channel.unary_unary(SERVICE + "ExtractFeatures")
        while len(raw) < 2 or time.perf_counter() < end:  # noqa: PLR2004 - the first one connects and does not count
            request = request_of([supply.new()])
            await asyncio.sleep(draw.uniform(0, 2 * pause_ms) / 1000)
            begun = time.perf_counter()
            raw.append(await call(request))
            times_ms.append((time.perf_counter() - begun) * 1000)
    found = Findings()
    found.look_at(map(pb.ExtractFeaturesResponse.FromString, raw), 1)
    return {"times_ms": times_ms[1:], **found.summary()}
