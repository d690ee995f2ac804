"""Starts the classifier: `python -m classifier --home DIRECTORY --trainer HOST:PORT`."""

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import os  # noqa: E402 - a signal must be harmless before the slow imports

# One vector is too little work to split over cores, and a large request has a thread of its own already: OpenBLAS reads
# this once, when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import asyncio  # noqa: E402 - as above
from contextlib import asynccontextmanager, suppress  # noqa: E402 - as above
from typing import TYPE_CHECKING, Any  # noqa: E402 - as above

from classifier.follower import Follower  # noqa: E402 - as above
from classifier.served import ServedHeads  # noqa: E402 - as above
from classifier.service import ClassifierServicer  # noqa: E402 - as above
from classifier.settings import ClassifierSettings  # noqa: E402 - as above
from classifier.store import HeadStore  # noqa: E402 - as above
from graft.channels import open_channel  # noqa: E402 - as above
from graft.serving.settings import load_settings  # noqa: E402 - as above
from graft.serving.stage import run_stage  # noqa: E402 - as above
from graft.v1 import classifier_pb2, classifier_pb2_grpc, trainer_pb2_grpc  # noqa: E402 - as above

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
        store = await asyncio.to_thread(HeadStore, settings.home / "served")
        served = ServedHeads(store)
        await served.load()
        handlers: Any = server.handlers  # stands in for the server that generated code asks for
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(ClassifierServicer(served), handlers)
        async with open_channel(settings.trainer, settings.max_message_bytes, retries=False) as channel:
            following = asyncio.ensure_future(Follower(trainer_pb2_grpc.TrainerServiceStub(channel), served).run())
            try:
                yield
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following

    run_stage("classifier", settings, [SERVICE], open_stage)


if __name__ == "__main__":
    main()
