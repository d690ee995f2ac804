"""The stubs of all services on one channel, blocking or asyncio, by their short names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from google.protobuf import wrappers_pb2

from graft.v1 import classifier_pb2_grpc, feature_extractor_pb2_grpc, gateway_pb2_grpc, trainer_pb2_grpc

if TYPE_CHECKING:
    import grpc


def stubs_of(channel: grpc.Channel | grpc.aio.Channel) -> dict[str, Any]:
    """Return them; what their methods return is a blocking or an asyncio call, as the channel is."""
    either: Any = channel
    health = either.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=wrappers_pb2.StringValue.SerializeToString,
        response_deserializer=wrappers_pb2.Int32Value.FromString,
    )
    return {
        "FeatureExtractorService": feature_extractor_pb2_grpc.FeatureExtractorServiceStub(either),
        "TrainerService": trainer_pb2_grpc.TrainerServiceStub(either),
        "ClassifierService": classifier_pb2_grpc.ClassifierServiceStub(either),
        "GatewayService": gateway_pb2_grpc.GatewayServiceStub(either),
        "Health": SimpleNamespace(Check=health),
    }
