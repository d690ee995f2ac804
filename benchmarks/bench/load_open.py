"""Load that does not wait for answers: calls at their appointed times, whatever becomes of them; and health checks."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2

from bench.answers import Findings
from bench.load_grpc import SERVICE, request_of
from bench.shares import Share
from graft.channels import open_channel
from graft.statuses import from_rpc_error
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from bench.supply import Supply


_TICK_S = 0.01
"""How often calls are sent, those that are due together: a generator that wakes for each takes more of the machine that
it shares with what it measures."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call ended.

    Attributes:
        error: what it ended with; None is well.
        late_s: how much later than appointed it was sent.
        taken_s: from sending to the end of the call.
        end_s: its end, after the first call's appointed time.
        answer: the response as bytes; empty with an error.
    """

    error: grpc.aio.AioRpcError | None
    late_s: float
    taken_s: float
    end_s: float
    answer: bytes = b""

    @property
    def code(self) -> str:
        """Name of its status."""
        return "OK" if self.error is None else str(self.error.code().name)

    @property
    def retry_info(self) -> bool:
        """Whether a refusal said when to come back."""
        return self.error is not None and getattr(from_rpc_error(self.error), "retry_after_s", 0.0) > 0


async def open_loop(supply: Supply, address: str, rate: float, seconds: float) -> dict[str, Any]:
    """Call `rate` times a second with new pictures for so long, at most a hundredth late; wait for all answers."""
    requests = [request_of([supply.new()]) for _ in range(round(rate * seconds))]
    async with open_channel(address, retries=False) as channel:
        call: Any = channel.unary_unary(SERVICE + "ExtractFeatures")
        with Share() as share:
            outcomes = await _at_their_times(call, requests, rate)
    good = [each for each in outcomes if each.error is None]
    found = Findings()
    found.look_at((pb.ExtractFeaturesResponse.FromString(each.answer) for each in good), 1)
    refused = [each for each in outcomes if each.code == "RESOURCE_EXHAUSTED"]
    return {
        "offered": len(outcomes),
        "codes": Counter(each.code for each in outcomes),
        "good_ends_s": sorted(each.end_s for each in good),
        "good_ms": [each.taken_s * 1000 for each in good],
        "refused_ms": [each.taken_s * 1000 for each in refused],
        "refused_without_retry_info": sum(not each.retry_info for each in refused),
        "late_ms": [each.late_s * 1000 for each in outcomes],
        "generator_share": share.value,
        **found.summary(),
    }


async def healthy(supply: Supply, address: str, seconds: float, every_s: float) -> dict[str, Any]:  # noqa: ARG001 - as others
    """Ask for the health of the whole server again and again: what it said, and how long it took to say it."""
    said: Counter[str] = Counter()
    times_ms = []
    request = health_pb2.HealthCheckRequest().SerializeToString()
    end = time.perf_counter() + seconds
    async with open_channel(address, retries=False) as channel:
        call: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        while time.perf_counter() < end:
            begun = time.perf_counter()
            try:
                answer = health_pb2.HealthCheckResponse.FromString(await call(request))
                said[health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)] += 1
            except grpc.aio.AioRpcError as error:
                said[error.code().name] += 1
            times_ms.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(every_s)
    return {"said": said, "times_ms": times_ms}


async def _at_their_times(call: Any, requests: list[bytes], rate: float) -> list[Outcome]:
    gc.collect()
    gc.freeze()
    gc.disable()  # what is sent and what came back is kept: a collection would stop the clock of every call for 0.1 s
    start = time.perf_counter() + 0.1

    async def one(index: int, request: bytes) -> Outcome:
        due = start + index / rate
        begun = time.perf_counter()
        try:
            answer = await call(request)
        except grpc.aio.AioRpcError as error:
            end = time.perf_counter()
            return Outcome(error, begun - due, end - begun, end - start)  # read later: only the calls cost now
        end = time.perf_counter()
        return Outcome(None, begun - due, end - begun, end - start, answer)

    async with asyncio.TaskGroup() as group:
        tasks = []
        for index, request in enumerate(requests):
            if start + index / rate > time.perf_counter():
                await asyncio.sleep(start + index / rate + _TICK_S - time.perf_counter())
            tasks.append(group.create_task(one(index, request)))
    gc.enable()
    return [task.result() for task in tasks]
