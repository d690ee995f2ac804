"""What the tests of the extractor share: its pipeline among fakes, for each test a new one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fakes"))

from pipeline_bench import Bench
from served_extractor import Served

from graft.channels import open_channel
from graft.serving.testing import serving
from graft.v1 import feature_extractor_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Makes benches with these settings; they are closed at the end."""
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        made.append(Bench(**settings))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench with its usual settings."""
    return make_bench()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A serving extractor."""
    served = Served()
    async with serving(served.register) as address, open_channel(address, retries=False) as channel:
        served.stub = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)
        yield served
