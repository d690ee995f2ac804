"""ClassifierService: reads requests, asks the served heads, builds responses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from classifier.conversions import answer, served_head
from graft.v1 import classifier_pb2, classifier_pb2_grpc

if TYPE_CHECKING:
    from classifier.served import ServedHeads

_INLINE_BYTES: Final = 128 * 1024
"""Vectors up to this size are labelled within about 2 ms: too little to be worth a thread."""


class ClassifierServicer(classifier_pb2_grpc.ClassifierServiceServicer):
    """The classifier's service."""

    def __init__(self, served: ServedHeads) -> None:
        self._served = served

    async def Classify(
        self, request: classifier_pb2.ClassifierServiceClassifyRequest, context: Any
    ) -> classifier_pb2.ClassifierServiceClassifyResponse:
        """Label vectors."""
        catalogue = self._served.catalogue
        if len(request.vectors) <= _INLINE_BYTES:
            return answer(catalogue, request)
        return await asyncio.to_thread(answer, catalogue, request)

    async def ListHeads(
        self, request: classifier_pb2.ListHeadsRequest, context: Any
    ) -> classifier_pb2.ListHeadsResponse:
        """List what is served."""
        return classifier_pb2.ListHeadsResponse(
            heads=[served_head(each) for each in self._served.catalogue.entries],
            registry_connected=self._served.registry_connected,
        )
