"""GatewayService: reads requests, asks the recogniser, builds responses."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graft.v1 import gateway_pb2, gateway_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.recognition import Recogniser


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):
    """The gateway's own service."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    async def Classify(
        self, request: gateway_pb2.GatewayServiceClassifyRequest, context: Any
    ) -> gateway_pb2.GatewayServiceClassifyResponse:
        """Recognise the pictures of one request."""
        found = await self._recogniser.recognise(request.head, request.images, request.top_k)
        return gateway_pb2.GatewayServiceClassifyResponse(
            classifier=found.classifier, version=found.version, results=found.results
        )

    async def StreamClassify(
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[gateway_pb2.StreamClassifyResponse]:
        """Recognise a stream of pictures."""
        async with aclosing(self._recogniser.recognise_stream(request_iterator)) as answers:
            async for found in answers:
                yield gateway_pb2.StreamClassifyResponse(
                    classifier=found.classifier, version=found.version, results=found.results
                )
