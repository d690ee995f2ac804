"""FeatureExtractorService on a real server, over a pipeline and a cache that do as they are told."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from fake_extraction import DIMENSIONS, FINGERPRINT, FakeCache, FakeExtraction, vector_of

from feature_extractor.service import FeatureExtractorService
from graft import statuses
from graft.v1 import common_pb2, feature_extractor_pb2_grpc
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from graft.errors import GraftError

MAX_VIEWS = 3
MAX_INPUTS = 12


class Served:
    """A service with its fakes and a stub of it."""

    def __init__(self) -> None:
        self.extraction = FakeExtraction()
        self.cache = FakeCache()
        self.graphs: Any = None
        self.stub: Any = None

    def register(self, handlers: grpc.aio.Server) -> None:
        """Add the service to a server."""
        service: Any = FeatureExtractorService(
            self.extraction,  # type: ignore[arg-type]  # a fake
            self.cache,  # type: ignore[arg-type]  # a fake
            pb.Trunk(fingerprint=FINGERPRINT, dimensions=DIMENSIONS),
            pb.ExtractionLimits(max_images_per_request=4, max_views=MAX_VIEWS, max_inputs_per_call=MAX_INPUTS),
            message_bytes=1000,
            graphs=self.graphs,
        )
        feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server(service, handlers)


def images(*contents: bytes) -> list[common_pb2.Image]:
    """These pictures as they travel."""
    return [common_pb2.Image(content=content) for content in contents]


def digest_of(content: bytes) -> bytes:
    """A picture's digest."""
    return hashlib.sha256(content).digest()


def wire(key: bytes) -> bytes:
    """The vector of a key as it travels."""
    return vector_of(key).astype("<f4").tobytes()


async def collect(call: Any) -> list[Any]:
    """All messages of a stream."""
    return [message async for message in call]


async def refusal(call: Any) -> GraftError:
    """The error that a call ends with."""
    answer = collect(call) if hasattr(call, "__aiter__") else call
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await answer
    return statuses.from_rpc_error(error.value)
