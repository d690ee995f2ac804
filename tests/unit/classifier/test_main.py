"""The classifier as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.store import HeadStore
from graft.channels import open_channel
from graft.serving.testing import stage_process
from graft.v1 import classifier_pb2, classifier_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "--trainer=127.0.0.1:9"
HEADS = classifier_pb2.ListHeadsRequest()


async def classify(address: str) -> classifier_pb2.ClassifierServiceClassifyResponse:
    """Label a vector of ones with the production head of faces."""
    async with open_channel(address) as channel:
        return await classifier_pb2_grpc.ClassifierServiceStub(channel).Classify(
            classifier_pb2.ClassifierServiceClassifyRequest(
                head={"classifier": "faces"},
                fingerprint=bytes(range(16)),
                dimensions=4,
                vectors=np.ones(4, "<f4").tobytes(),
            )
        )


async def test_it_serves_its_own_copy_without_the_trainer(tmp_path: Path, make_head: Any) -> None:
    """Healthy with what is on disk, nobody to follow; a signal ends it with 0."""
    files = make_head(version=3)
    store = HeadStore(tmp_path / "served")
    store.save(files.listed, files.manifest, files.tensors)
    store.write_state([files.listed])
    with stage_process("classifier", f"--home={tmp_path}", NOWHERE) as process:
        await asyncio.to_thread(process.wait_until_serving, 60)
        assert (await classify(process.address)).version == 3
        assert process.stop() == 0


async def test_it_is_healthy_without_any_head(tmp_path: Path) -> None:
    """A new home with no trainer is ready to take heads."""
    with stage_process("classifier", f"--home={tmp_path}", NOWHERE) as process:
        await asyncio.to_thread(process.wait_until_serving, 60)
        async with open_channel(process.address) as channel:
            answer = await classifier_pb2_grpc.ClassifierServiceStub(channel).ListHeads(HEADS)
        assert not answer.heads
        assert process.stop(signal.SIGINT) == 0


async def test_a_kill_in_mid_fetch_leaves_no_half_head(tmp_path: Path, trainer: Any, make_head: Any) -> None:
    """Killed while a second head arrives, it starts again with the first alone, then gets the second whole."""
    flags = (f"--home={tmp_path}", f"--trainer={trainer.address}")
    await trainer.fake.publish(make_head("faces", 1))
    trainer.fake.hold = asyncio.Event()
    trainer.fake.hold.set()
    with stage_process("classifier", *flags) as process:
        await asyncio.to_thread(process.wait_until_serving, 60)
        await listed(process.address, "faces")
        trainer.fake.hold.clear()
        await trainer.fake.publish(make_head("faces", 1), make_head("roses", 2))
        await fetched(trainer, 2)
        process.process.kill()
    await trainer.stop()
    with stage_process("classifier", *flags) as process:
        await asyncio.to_thread(process.wait_until_serving, 60)
        assert (await classify(process.address)).version == 1
        files = {path.parent.name for path in (tmp_path / "served").rglob("head.safetensors")}
        assert files == {"1"}
        trainer.fake.hold.set()
        await trainer.start()
        await listed(process.address, "roses")
        assert process.stop() == 0


async def fetched(trainer: Any, version: int) -> None:
    """Return once the files of `version` were asked for."""
    async with trainer.fake.changed:
        await trainer.fake.changed.wait_for(lambda: version in trainer.fake.fetched)


async def listed(address: str, classifier: str) -> None:
    """Return once a head of `classifier` is served, and so on disk."""
    async with open_channel(address) as channel:
        stub = classifier_pb2_grpc.ClassifierServiceStub(channel)
        while classifier not in {each.classifier for each in (await stub.ListHeads(HEADS)).heads}:
            pass


def test_it_needs_no_tensorflow() -> None:
    """Importing every module of the classifier imports neither TensorFlow nor the trainer."""
    modules = "classification conversions follower heads scoring served service settings store"
    code = (
        f"import importlib, sys\nfor name in {modules!r}.split(): importlib.import_module('classifier.' + name)\n"
        "found = [m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras', 'lmdb', 'trainer')]\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
