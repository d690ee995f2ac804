"""Adapter: what an export needs of the extractor, asked for from a worker thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
import numpy as np

from graft import statuses
from graft.errors import Code, FailedPreconditionError, UnavailableError
from graft.v1 import common_pb2
from graft.v1 import feature_extractor_pb2 as pb
from trainer.export.task import TrunkFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    from graft.v1 import feature_extractor_pb2_grpc as pb_grpc
    from trainer.fitting.batches import FloatArray

_T = TypeVar("_T")
_LOOK_S: Final = 0.5
_IMAGES: Final = 8
"""Pictures in a message: few enough for any extractor's limits."""


class ExtractorTrunk:
    """The extractor at the other end of a channel, as `trainer.export.exporting.TrunkSource`.

    All methods raise UnavailableError, reason EXTRACTOR_UNAVAILABLE, if it is away.

    Args:
        stub: of the extractor.
        loop: the event loop that the stub belongs to; methods are called from other threads.
    """

    def __init__(self, stub: pb_grpc.FeatureExtractorServiceAsyncStub, loop: asyncio.AbstractEventLoop) -> None:
        self._stub = stub
        self._loop = loop

    def fingerprint(self) -> bytes:
        """Return the fingerprint of the trunk that serves, 16 bytes."""
        return self._wait(self._fingerprint(), _go_on)

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the JPEGs that are kept under these digests, in their order; those without one are left out."""
        return self._wait(self._previews(digests), _go_on)

    def graph(self, into: Path, alive: Callable[[int, int], None]) -> TrunkFacts:
        """Write the frozen graph into a file.

        Raises:
            GraftError: what GetTrunkGraph ended with.
            UnavailableError: EXTRACTOR_UNAVAILABLE, also if the bytes are not those that were announced.
        """
        told = [0, 0]  # bytes so far, of all
        return self._wait(self._graph(into, told), lambda: alive(told[0], told[1]))

    def vectors(self, contents: Sequence[bytes], alive: Callable[[], None]) -> FloatArray:
        """Return float32[n, dimensions] of n pictures, through the lane of bulk work.

        Raises:
            GraftError: a picture's own error.
        """
        return self._wait(self._vectors(contents), alive)

    def _wait(self, work: Coroutine[Any, Any, _T], alive: Callable[[], None]) -> _T:
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while True:
                try:
                    return waiting.result(_LOOK_S)
                except concurrent.futures.TimeoutError:
                    alive()
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        finally:
            waiting.cancel()  # does nothing if it has ended

    async def _fingerprint(self) -> bytes:
        return (await self._stub.GetTrunk(pb.GetTrunkRequest())).trunk.fingerprint

    async def _previews(self, digests: Sequence[bytes]) -> list[bytes]:
        request = pb.GetPreviewsRequest(digests=digests)
        return [response.jpeg async for response in self._stub.GetPreviews(request) if response.jpeg]

    async def _graph(self, into: Path, told: list[int]) -> TrunkFacts:
        about: pb.TrunkGraph | None = None
        total = hashlib.sha256()
        with await asyncio.to_thread(into.open, "wb") as file:
            async for response in self._stub.GetTrunkGraph(pb.GetTrunkGraphRequest()):
                if response.WhichOneof("part") == "graph":
                    about = response.graph
                    told[1] = about.size_bytes
                else:
                    told[0] += len(response.chunk)
                    total.update(response.chunk)
                    await asyncio.to_thread(file.write, response.chunk)
        if about is None or total.digest() != about.sha256:
            raise UnavailableError(
                "the trunk's graph did not arrive whole: try again", reason="EXTRACTOR_UNAVAILABLE", retry_after_s=1.0
            )
        return TrunkFacts(
            fingerprint=about.fingerprint.hex(),
            input_tensor=about.input_tensor,
            output_tensor=about.output_tensor,
            height_px=about.input_height_px,
            width_px=about.input_width_px,
            dimensions=about.dimensions,
            preprocessing=about.preprocessing,
            service_precision=about.service_precision,
        )

    async def _vectors(self, contents: Sequence[bytes]) -> FloatArray:
        rows: list[FloatArray] = []
        async for response in self._stub.StreamFeatures(_requests(contents)):
            for result in response.results:
                if result.WhichOneof("outcome") == "error":
                    raise statuses.from_status(result.error)
                rows.append(np.frombuffer(result.vector, "<f4").astype(np.float32))
        if len(rows) != len(contents):
            raise FailedPreconditionError(
                f"the extractor answered {len(rows)} of {len(contents)} pictures", reason="EXPORT_DIFFERS"
            )
        return np.stack(rows)


def _requests(contents: Sequence[bytes]) -> Iterator[pb.StreamFeaturesRequest]:
    for start in range(0, len(contents), _IMAGES):
        images = [common_pb2.Image(content=content) for content in contents[start : start + _IMAGES]]
        yield pb.StreamFeaturesRequest(images=images)


def _go_on() -> None:
    """Short calls are waited for."""


def _refusal(error: grpc.aio.AioRpcError) -> Exception:
    """The error to raise for a failed call: an absent extractor is named, anything else is passed on as it came."""
    refused = statuses.from_rpc_error(error)
    if refused.code is not Code.UNAVAILABLE:
        return refused
    return UnavailableError(
        f"the feature extractor cannot be reached ({refused.message}); try again when it serves",
        reason="EXTRACTOR_UNAVAILABLE",
        retry_after_s=1.0,
    )
