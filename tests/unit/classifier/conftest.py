"""Small heads as files, and a trainer that lists and hands them out."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.numpy

from classifier.catalogue import Listed
from graft.errors import NotFoundError
from graft.serving.metrics import new_registry
from graft.serving.server import StageServer
from graft.serving.settings import StageSettings
from graft.v1 import trainer_pb2, trainer_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

FINGERPRINT = bytes(range(16))


@dataclass(frozen=True)
class HeadFiles:
    """A version with its files.

    Attributes:
        listed: what the trainer lists.
        manifest: content of manifest.json.
        tensors: content of head.safetensors.
        arrays: what the tensors hold.
    """

    listed: Listed
    manifest: bytes
    tensors: bytes
    arrays: dict[str, Any]


def make_head(
    classifier: str = "faces",
    version: int = 1,
    aliases: Sequence[str] = ("production",),
    *,
    sizes: Sequence[int] = (4, 8, 3),
    activations: Sequence[str] = ("relu", "linear"),
    labels: Sequence[str] = ("ann", "bob", "cat"),
    fingerprint: bytes | str = FINGERPRINT,
    scale: float = 1.5,
    rule: bool = False,
    **changes: Any,
) -> HeadFiles:
    """Return a head of random weights, seeded by its version; `changes` replace facts of the manifest.

    With `rule` it knows vectors near 0 and is unsure of those near 1 in each value.
    """
    random = np.random.default_rng(version)
    arrays = {
        "standardisation.mean": random.normal(size=sizes[0]).astype(np.float32),
        "standardisation.scale": np.full(sizes[0], scale, np.float32),
    }
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        arrays[f"layers.{i}.weight"] = random.normal(size=(inputs, outputs)).astype(np.float32)
        arrays[f"layers.{i}.bias"] = random.normal(size=outputs).astype(np.float32)
    if rule:
        arrays |= {
            "unknown.mean": np.zeros(sizes[0], np.float32),
            "unknown.projection": np.eye(sizes[0], 2, dtype=np.float32),
            "unknown.whitening": np.eye(2, dtype=np.float32),
            "unknown.centres": np.zeros((sizes[-1], 2), np.float32),
            "unknown.background": np.full(2, 0.5, np.float32),
        }
        numbers = {"residual_weight": 1.0, "slope": 1.0, "offset": -2.0, "accept": 1.0, "reject": 4.0}
        changes = {"unknown": {**numbers, "minimum_probability": 0.0, "false_accept_rate": 0.05}, **changes}
    tensors = safetensors.numpy.save(arrays)
    facts = {
        "format": "graft.head",
        "format_version": 1,
        "classifier": classifier,
        "version": version,
        "labels": list(labels),
        "fingerprint": fingerprint.hex() if isinstance(fingerprint, bytes) else fingerprint,
        "dimensions": sizes[0],
        "layers": [
            {"inputs": inputs, "outputs": outputs, "activation": activation}
            for (inputs, outputs), activation in zip(itertools.pairwise(sizes), activations, strict=True)
        ],
        "files": {"head.safetensors": {"sha256": hashlib.sha256(tensors).hexdigest(), "size_bytes": len(tensors)}},
        **changes,
    }
    manifest = json.dumps(facts).encode()
    listed = Listed(classifier, version, tuple(aliases), hashlib.sha256(manifest).digest())
    return HeadFiles(listed, manifest, tensors, arrays)


class FakeTrainer(trainer_pb2_grpc.TrainerServiceServicer):
    """Lists and hands out heads as the test says.

    Attributes:
        heads: what it lists.
        failing: versions whose files it does not hand out.
        fetched: versions asked for, in order; `changed` is notified of each.
        hold: set it to make GetHead wait after the manifest, until it is set again to None.
    """

    def __init__(self) -> None:
        self.heads: list[HeadFiles] = []
        self.failing: set[int] = set()
        self.fetched: list[int] = []
        self.hold: asyncio.Event | None = None
        self.changed = asyncio.Condition()

    async def publish(self, *heads: HeadFiles) -> None:
        """List these heads from now on."""
        async with self.changed:
            self.heads = list(heads)
            self.changed.notify_all()

    async def WatchHeads(self, request: Any, context: Any) -> AsyncIterator[trainer_pb2.WatchHeadsResponse]:
        """Send the list, and again after each change."""
        while True:
            sent = self.heads
            message = trainer_pb2.WatchHeadsResponse()
            for each in (head.listed for head in sent):
                message.heads.add(
                    classifier=each.classifier,
                    version=each.version,
                    aliases=each.aliases,
                    manifest_sha256=each.manifest_sha256,
                )
            yield message
            async with self.changed:
                await self.changed.wait_for(lambda sent=sent: self.heads is not sent)

    async def GetHead(self, request: Any, context: Any) -> AsyncIterator[trainer_pb2.GetHeadResponse]:
        """Send the files in pieces."""
        async with self.changed:
            self.fetched.append(request.version)
            self.changed.notify_all()
        if request.version in self.failing:
            raise NotFoundError("version", str(request.version))
        for head in self.heads:
            if (head.listed.classifier, head.listed.version) == (request.classifier, request.version):
                yield trainer_pb2.GetHeadResponse(manifest=head.manifest)
                if self.hold:
                    await self.hold.wait()
                for start in range(0, len(head.tensors), 100):
                    yield trainer_pb2.GetHeadResponse(tensors=head.tensors[start : start + 100])


@dataclass
class TrainerAt:
    """A trainer that can be stopped and started again at its address."""

    fake: FakeTrainer = field(default_factory=FakeTrainer)
    address: str = "127.0.0.1:0"
    server: StageServer | None = None

    async def start(self) -> None:
        """Serve, where it was before if it was."""
        self.server = StageServer(StageSettings(listen=self.address), ["graft.v1.TrainerService"], new_registry())
        handlers: Any = self.server.handlers
        trainer_pb2_grpc.add_TrainerServiceServicer_to_server(self.fake, handlers)
        await self.server.start()
        await self.server.ready()
        self.address = self.server.address

    async def stop(self) -> None:
        """End every call and stop listening."""
        if self.server:
            await self.server.drain(0)
            self.server = None


@pytest.fixture
async def trainer() -> AsyncIterator[TrainerAt]:
    """Yield a running trainer without heads."""
    running = TrainerAt()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(name="make_head")
def make_head_fixture() -> Any:
    """Return the maker of heads."""
    return make_head


@pytest.fixture
def following() -> Any:
    """Return a context manager that follows a trainer with a store under a directory."""
    from classifier.follower import Follower
    from classifier.served import ServedHeads
    from classifier.store import HeadStore
    from graft.channels import open_channel

    class Watched(ServedHeads):
        """Tells of every change of its catalogue and its connection."""

        def __init__(self, store: HeadStore) -> None:
            self.change = asyncio.Event()
            super().__init__(store)

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            self.change.set()

        async def until(self, condition: Any) -> None:
            """Return once `condition` of this object holds."""
            while not condition(self):
                self.change.clear()
                await self.change.wait()

    @asynccontextmanager
    async def follow(home: Any, address: str) -> AsyncIterator[Watched]:
        served = Watched(HeadStore(home / "served"))
        await served.load()
        async with open_channel(address, retries=False) as channel:
            task = asyncio.ensure_future(Follower(trainer_pb2_grpc.TrainerServiceStub(channel), served).run())
            try:
                yield served
            finally:
                task.cancel()

    return follow
