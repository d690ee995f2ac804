"""Requests of all kinds that an extractor meets, drawn at random with a seed: what is sent, and what may come of it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import grpc

from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc
from graft.v1.common_pb2 import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bench.supply import Supply

KNOWN = 256
"""Pictures of the known set: cached once they have been asked for."""

_OK = "OK"
_GONE_MS, _DEADLINE_MS = 50.0, 20.0


class Requests:
    """One method for each kind of request; each returns the name of what came of it.

    Args:
        channel: to the extractor.
        supply: pictures.
        seed: of all draws.
    """

    def __init__(self, channel: grpc.aio.Channel, supply: Supply, seed: int) -> None:
        self._stub: Any = pb_grpc.FeatureExtractorServiceStub(channel)
        self._supply = supply
        self._draw = random.Random(seed)  # noqa: S311 - a reproducible mix, not a secret
        self._digests = supply.known_digests(KNOWN)
        self._kinds: dict[Callable[[], Awaitable[str]], tuple[float, frozenset[str]]] = {
            self.cached: (0.60, frozenset({_OK})),
            self.new: (0.04, frozenset({_OK})),
            self.cancelled: (0.04, frozenset({_OK, "CANCELLED"})),
            self.expired: (0.04, frozenset({_OK, "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})),
            self.bad: (0.06, frozenset({"INVALID_ARGUMENT"})),
            self.missing: (0.06, frozenset({_OK})),
            self.lookup: (0.06, frozenset({_OK})),
            self.previews: (0.04, frozenset({_OK})),
            self.stream: (0.03, frozenset({_OK})),
            self.broken_stream: (0.03, frozenset({"CANCELLED"})),
        }

    async def one(self) -> tuple[str, str, bool]:
        """Send one request of a kind drawn by its share: the kind, what came of it, and whether that may be."""
        kinds = list(self._kinds)
        kind = self._draw.choices(kinds, [self._kinds[each][0] for each in kinds])[0]
        try:
            outcome = await kind()
        except grpc.aio.AioRpcError as error:
            outcome = error.code().name
        return kind.__name__, outcome, outcome in self._kinds[kind][1]

    async def cached(self) -> str:
        """One picture of the known set."""
        return await self._extract(self._known())

    async def new(self) -> str:
        """One picture that nobody has seen."""
        return await self._extract(self._supply.new())

    async def cancelled(self) -> str:
        """A new picture whose caller goes away after a moment."""
        call = self._stub.ExtractFeatures(_request(self._supply.new()))
        await asyncio.wait({asyncio.ensure_future(call.code())}, timeout=self._draw.uniform(0, _GONE_MS) / 1000)
        call.cancel()
        return str((await call.code()).name)

    async def expired(self) -> str:
        """A new picture with hardly any time left."""
        seconds = self._draw.uniform(1, _DEADLINE_MS) / 1000
        await self._stub.ExtractFeatures(_request(self._supply.new()), timeout=seconds)
        return _OK

    async def bad(self) -> str:
        """What is no picture, or half of one."""
        picture = self._supply.new()
        content = self._draw.choice(
            [b"", b"<html><body>404</body></html>", picture[: len(picture) // 2], picture[200:]]
        )
        return await self._extract(content)

    async def missing(self) -> str:
        """A hundred digests, half of them unknown."""
        digests = [self._draw.choice(self._digests) for _ in range(50)] + [self._draw.randbytes(32) for _ in range(50)]
        answer = await self._stub.FindMissing(pb.FindMissingRequest(digests=digests))
        return _OK if len(answer.missing_digests) >= 50 else "TOO_FEW"  # noqa: PLR2004 - the unknown ones

    async def lookup(self) -> str:
        """Two hundred vectors; those that the cache's limit drove out may be missing."""
        request = pb.LookupFeaturesRequest(digests=self._draw.choices(self._digests, k=200))
        count = 0
        async for answer in self._stub.LookupFeatures(request):
            count += len(answer.digests) + len(answer.missing_digests)
        return _OK if count else "NOTHING"

    async def previews(self) -> str:
        """Twenty previews."""
        request = pb.GetPreviewsRequest(digests=self._draw.choices(self._digests, k=20))
        count = len([each async for each in self._stub.GetPreviews(request)])
        return _OK if count == 20 else f"{count} PREVIEWS"  # noqa: PLR2004 - as asked for

    async def stream(self) -> str:
        """Three messages of eight pictures, one in eight new."""
        answers = [each async for each in self._stub.StreamFeatures(self._messages(3))]
        wrong = [result for answer in answers for result in answer.results if result.WhichOneof("outcome") != "vector"]
        return _OK if len(answers) == 3 and not wrong else "INCOMPLETE"  # noqa: PLR2004 - as sent

    async def broken_stream(self) -> str:
        """A stream that its caller leaves after the first answer."""
        call = self._stub.StreamFeatures(self._messages(6))
        await call.read()
        call.cancel()
        return str((await call.code()).name)

    async def _extract(self, content: bytes) -> str:
        answer = await self._stub.ExtractFeatures(_request(content))
        result = answer.results[0]
        if result.WhichOneof("outcome") == "vector":
            return _OK
        return str(grpc.StatusCode((result.error.code, _NAMES[result.error.code])).name)

    async def _messages(self, count: int) -> AsyncIterator[pb.StreamFeaturesRequest]:
        for _ in range(count):
            contents = [self._supply.new(), *(self._known() for _ in range(7))]
            yield pb.StreamFeaturesRequest(images=[Image(content=each) for each in contents])

    def _known(self) -> bytes:
        return self._supply.known(self._draw.randrange(KNOWN))


_NAMES = {code.value[0]: code.value[1] for code in grpc.StatusCode}


def _request(content: bytes) -> pb.ExtractFeaturesRequest:
    return pb.ExtractFeaturesRequest(images=[Image(content=content)])
