"""Starts the classifier: `python -m classifier --home DIRECTORY --trainer HOST:PORT`."""

# ruff: noqa: E402 - signals are seen to before anything slow is imported

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import os

# One vector is too little work to split over cores, and a large request has a thread of its own already: OpenBLAS reads
# this once, when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from classifier.follower import Follower
from classifier.served import ServedHeads
from classifier.service import ClassifierServicer
from classifier.settings import ClassifierSettings
from classifier.store import HeadStore
from graft.channels import open_channel
from graft.owner_lock import OwnerLock
from graft.serving.settings import load_settings
from graft.serving.stage import run_stage
from graft.v1 import classifier_pb2, classifier_pb2_grpc, trainer_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from graft.serving.server import StageServer

SERVICE = classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"].full_name


def main() -> None:
    """Run the classifier until it is told to stop."""
    settings = load_settings(ClassifierSettings, "classifier")

    @asynccontextmanager
    async def open_stage(server: StageServer, registry: CollectorRegistry) -> AsyncIterator[None]:  # noqa: ARG001 - it has no metrics of its own
        settings.home.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock(settings.home / "served.lock", "HEADS_IN_USE")  # a second one would remove this one's copies
        store = await asyncio.to_thread(HeadStore, settings.home / "served")
        served = ServedHeads(store)
        await served.load()
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(ClassifierServicer(served), server.handlers)
        async with open_channel(settings.trainer, settings.max_message_bytes, retries=False) as channel:
            following = asyncio.ensure_future(Follower(trainer_pb2_grpc.TrainerServiceStub(channel), served).run())
            try:
                yield
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following
                lock.release()

    run_stage("classifier", settings, [SERVICE], open_stage)


if __name__ == "__main__":
    main()
