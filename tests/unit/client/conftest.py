"""A fake gateway for each test, and both clients of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import AsyncClient, Client
from graft.client.retrying import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

sys.path.insert(0, str(Path(__file__).parent / "fakes"))

from fake_gateway import fake_gateway

IMPATIENT = RetryPolicy(attempts=2, initial_s=0.001, longest_s=0.002)


@pytest.fixture
def gateway() -> Iterator[Any]:
    """Serve an empty fake gateway."""
    with fake_gateway() as served:
        yield served


@pytest.fixture
def client(gateway: Any) -> Iterator[Client]:
    """Return a blocking client."""
    with Client(gateway.address, retry=IMPATIENT) as client:
        yield client


@pytest.fixture
async def aclient(gateway: Any) -> AsyncIterator[AsyncClient]:
    """Return an asyncio client."""
    async with AsyncClient(gateway.address, retry=IMPATIENT) as client:
        yield client
