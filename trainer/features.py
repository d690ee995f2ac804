"""Adapter: the extractor's vectors, for importing (in the event loop) and for jobs (in their worker thread)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import numpy as np

from graft import statuses
from graft.errors import Code, FailedPreconditionError, UnavailableError
from graft.serving.call_context import outgoing_metadata, outgoing_timeout
from graft.v1 import common_pb2
from graft.v1 import feature_extractor_pb2 as pb
from trainer.datasets.importing import NO_VIEWS, Stored, Views
from trainer.jobs.interruption import wait_for

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from numpy.typing import NDArray

    from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

_T = TypeVar("_T")
# A look-up request holds at most 100,000 digests; this many keep a message small and the stream long.
_LOOKUP_DIGESTS = 50_000
_RETRY_S = 1.0


class ExtractorFeatures:
    """The extractor at the other end of a channel.

    Args:
        stub: of the extractor.
        loop: the event loop that the stub belongs to; `fingerprint` and `lookup` may be called from other threads.
    """

    def __init__(self, stub: pb_grpc.FeatureExtractorServiceAsyncStub, loop: asyncio.AbstractEventLoop) -> None:
        self._stub = stub
        self._loop = loop

    async def find_missing(self, digests: Sequence[bytes], views: Views = NO_VIEWS) -> tuple[set[bytes], bytes]:
        """Return those of the digests that lack their vector or a view's, and the fingerprint looked for."""
        request = pb.FindMissingRequest(digests=digests, views=views.count, view_seed=views.seed)
        try:
            response = await self._stub.FindMissing(request, timeout=outgoing_timeout(), metadata=outgoing_metadata())
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        return set(response.missing_digests), response.fingerprint

    async def store(self, contents: Sequence[bytes], views: Views = NO_VIEWS) -> tuple[list[Stored], bytes]:
        """Return what became of each picture, once all its vectors are on disk, and the fingerprint of the vectors."""
        request = pb.StreamFeaturesRequest(
            images=[common_pb2.Image(content=content) for content in contents],
            omit_vectors=True,
            views=views.count,
            view_seed=views.seed,
        )
        try:
            call = self._stub.StreamFeatures(iter([request]), timeout=outgoing_timeout(), metadata=outgoing_metadata())
            responses = [response async for response in call]
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        results = [result for response in responses for result in response.results]
        if len(results) != len(contents):
            raise UnavailableError(
                f"the feature extractor ended after {len(results)} of {len(contents)} pictures; try again",
                reason="EXTRACTOR_UNAVAILABLE",
                retry_after_s=_RETRY_S,
            )
        return [_stored(result) for result in results], responses[0].fingerprint

    def fingerprint(self) -> bytes:
        """Return the extractor's fingerprint, 16 bytes. From a thread other than the loop's.

        Raises:
            UnavailableError: the extractor is away (EXTRACTOR_UNAVAILABLE).
        """
        return self._wait(self._fingerprint())

    def lookup(
        self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0
    ) -> tuple[NDArray[np.float32], list[bytes]]:
        """Return float32[n, d], a row for each digest that is cached in their order, and the digests that are not.

        The vectors are those of one view of each picture; 0 is the picture as it is. From a thread other than the
        loop's.

        Raises:
            InvalidArgumentError: the extractor has no such view (TOO_MANY_VIEWS).
            UnavailableError: the extractor is away (EXTRACTOR_UNAVAILABLE).
            FailedPreconditionError: it changed its trunk meanwhile (FINGERPRINT_CHANGED).
        """
        return self._wait(self._lookup(digests, view, view_seed))

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the preview of each picture, a JPEG; empty for one that has none. From a thread other than the loop's.

        Raises:
            UnavailableError: the extractor is away (EXTRACTOR_UNAVAILABLE).
        """
        return self._wait(self._previews(digests))

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        return wait_for(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _fingerprint(self) -> bytes:
        try:
            return (await self._stub.GetTrunk(pb.GetTrunkRequest())).trunk.fingerprint
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error

    async def _previews(self, digests: Sequence[bytes]) -> list[bytes]:
        found: dict[bytes, bytes] = {}
        try:
            for start in range(0, len(digests), _LOOKUP_DIGESTS):
                request = pb.GetPreviewsRequest(digests=digests[start : start + _LOOKUP_DIGESTS])
                async for response in self._stub.GetPreviews(request):
                    found[response.digest] = response.jpeg
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        return [found.get(digest, b"") for digest in digests]

    async def _lookup(
        self, digests: Sequence[bytes], view: int, view_seed: int
    ) -> tuple[NDArray[np.float32], list[bytes]]:
        rows: list[NDArray[np.float32]] = []
        missing: list[bytes] = []
        trunks: set[tuple[bytes, int]] = set()
        try:
            for start in range(0, len(digests), _LOOKUP_DIGESTS):
                part = digests[start : start + _LOOKUP_DIGESTS]
                request = pb.LookupFeaturesRequest(digests=part, view=view, view_seed=view_seed)
                async for response in self._stub.LookupFeatures(request):
                    trunks.add((response.fingerprint, response.dimensions))
                    missing += response.missing_digests
                    rows.append(np.frombuffer(response.vectors, "<f4").reshape(-1, response.dimensions))
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        if len(trunks) > 1:
            raise FailedPreconditionError(
                "the extractor answered with the vectors of two trunks; are there copies with different weights?",
                reason="FINGERPRINT_CHANGED",
            )
        matrix = np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
        return np.ascontiguousarray(matrix, np.float32), missing


def _stored(result: pb.FeatureResult) -> Stored:
    if result.WhichOneof("outcome") == "error":
        return Stored(result.digest, error=statuses.from_status(result.error))
    return Stored(result.digest, computed=not (result.cached and all(view.cached for view in result.views)))


def _refusal(error: grpc.aio.AioRpcError) -> Exception:
    """The error to raise for a failed call: an absent extractor is named, anything else is passed on as it came."""
    refused = statuses.from_rpc_error(error)
    if refused.code is not Code.UNAVAILABLE:
        return refused
    return UnavailableError(
        f"the feature extractor cannot be reached ({refused.message}); try again when it serves",
        reason="EXTRACTOR_UNAVAILABLE",
        retry_after_s=_RETRY_S,
    )
