"""What is asked of a cache of some size: look-ups through the class, and the same over gRPC from another process."""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.processes import usage
from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry
from graft.channels import open_sync_channel
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc
from graft.v1.common_pb2 import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FINGERPRINT = b"bench cache 0001"
DIMENSIONS = 768
ROUNDS = 5
_LOOKED_UP = 10_000  # vectors in a round, and digests in a request
_GROUP = 256  # keys in a look-up through the class
_MESSAGE = 64  # pictures in a message of a stream
_WRITTEN = 4096  # entries in a transaction while filling


@dataclass(frozen=True, slots=True)
class Cost:
    """What one vector cost, the median of the rounds.

    Attributes:
        wall_us: microseconds between question and answer.
        cpu_us: microseconds of processor time where the cache is.
    """

    wall_us: float
    cpu_us: float


def content(number: int) -> bytes:
    """The bytes that stand for a picture."""
    return b"picture %d" % number


def digest(number: int) -> bytes:
    """Their digest."""
    return hashlib.sha256(content(number)).digest()


def fill(directory: Path, first: int, end: int) -> None:
    """Write the vectors of these pictures, numbers as averages after a ReLU have them."""
    generator = np.random.default_rng(first)
    vectors = np.maximum(generator.normal(0.2, 0.4, (_WRITTEN, DIMENSIONS)), 0).astype(np.float32)
    with closing(FeatureCache(directory, fingerprint=FINGERPRINT, dimensions=DIMENSIONS)) as cache:
        for start in range(first, end, _WRITTEN):
            numbers = range(start, min(start + _WRITTEN, end))
            cache.put_many([Entry(digest(number), vectors[number % _WRITTEN]) for number in numbers])


def through_the_class(directory: Path, entries: int) -> dict[str, Cost]:
    """Look up in this process."""
    with closing(FeatureCache(directory, fingerprint=FINGERPRINT, dimensions=DIMENSIONS)) as cache:

        def find(numbers: Sequence[int]) -> int:
            return sum(sum(cache.contains_many(group)) for group in _grouped([digest(n) for n in numbers], _GROUP))

        def look_up(numbers: Sequence[int]) -> int:
            groups = _grouped([digest(number) for number in numbers], _GROUP)
            return sum(vector is not None for group in groups for vector in cache.get_many(group))

        _touch_all(entries, find, look_up)
        return {
            "class, is it there": _cost(find, entries, time.process_time),
            "class, look up": _cost(look_up, entries, time.process_time),
        }


def over_grpc(directory: Path, entries: int) -> dict[str, Cost]:
    """Ask a service in a process of its own."""
    with _server(directory) as (pid, address), open_sync_channel(address) as channel:
        stub = pb_grpc.FeatureExtractorServiceStub(channel)

        def find(numbers: Sequence[int]) -> int:
            request = pb.FindMissingRequest(digests=[digest(number) for number in numbers])
            return len(numbers) - len(stub.FindMissing(request).missing_digests)

        def look_up(numbers: Sequence[int]) -> int:
            request = pb.LookupFeaturesRequest(digests=[digest(number) for number in numbers])
            return sum(len(response.digests) for response in stub.LookupFeatures(request))

        def stream(numbers: Sequence[int]) -> int:
            messages = (
                pb.StreamFeaturesRequest(images=[Image(content=content(number)) for number in group])
                for group in _grouped(numbers, _MESSAGE)
            )
            answers = stub.StreamFeatures(messages)
            return sum(result.cached for answer in answers for result in answer.results)

        def cpu_s() -> float:
            return usage(pid).cpu_s

        _touch_all(entries, find, look_up)
        return {
            "gRPC, FindMissing": _cost(find, entries, cpu_s),
            "gRPC, LookupFeatures": _cost(look_up, entries, cpu_s),
            "gRPC, StreamFeatures, cached": _cost(stream, entries, cpu_s),
        }


def _touch_all(entries: int, *asks: Callable[[Sequence[int]], int]) -> None:
    """Ask for every entry once, as in a service that has run for a while: its pages are mapped, its key is known."""
    for start in range(0, entries, _LOOKED_UP):
        for ask in asks:
            ask(range(start, min(start + _LOOKED_UP, entries)))


def _cost(work: Callable[[Sequence[int]], int], entries: int, cpu_s: Callable[[], float]) -> Cost:
    """Do the work on other pictures in each round, all of them cached, after a round that does not count."""
    generator = np.random.default_rng(1)
    walls, cpus = [], []
    for _ in range(ROUNDS + 1):
        numbers = generator.choice(entries, _LOOKED_UP, replace=False).tolist()
        cpu, started = cpu_s(), time.perf_counter()
        found = work(numbers)
        walls.append((time.perf_counter() - started) / _LOOKED_UP * 1e6)
        cpus.append((cpu_s() - cpu) / _LOOKED_UP * 1e6)
        if found != _LOOKED_UP:
            raise SystemExit(f"{_LOOKED_UP - found} vectors that were written are not there")
    return Cost(statistics.median(walls[1:]), statistics.median(cpus[1:]))


def _grouped(items: Sequence[int] | Sequence[bytes], size: int) -> Iterator[Sequence[int] | Sequence[bytes]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@contextmanager
def _server(directory: Path) -> Iterator[tuple[int, str]]:
    command = [sys.executable, str(Path(__file__).parents[1] / "cache_server.py")]
    process = subprocess.Popen(
        [*command, str(directory), FINGERPRINT.hex(), str(DIMENSIONS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("listening on "):
            raise SystemExit("the service did not start")
        yield process.pid, line.split()[-1]
    finally:
        process.communicate()
