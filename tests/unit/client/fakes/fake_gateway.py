"""A gateway for tests: all four services in memory, on a real server with port 0, with faults on demand.

The server is a blocking one: an asyncio server does not go together with a blocking client in one process.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
from fake_pictures import Classifier, Extractor, Gateway
from fake_state import State
from fake_trainer import Trainer
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from graft.v1 import classifier_pb2_grpc, feature_extractor_pb2_grpc, gateway_pb2_grpc, trainer_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeGateway:
    """A served state.

    Attributes:
        state: see State.
        address: host:port.
    """

    def __init__(self, state: State, address: str) -> None:
        self.state = state
        self.address = address


@contextmanager
def fake_gateway() -> Iterator[FakeGateway]:
    """Serve an empty state."""
    state = State()
    limit = 64 * 1024 * 1024
    server = grpc.server(
        ThreadPoolExecutor(8),
        options=[
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", limit),
            ("grpc.so_reuseport", 0),
        ],
    )
    feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server(Extractor(state), server)
    trainer_pb2_grpc.add_TrainerServiceServicer_to_server(Trainer(state), server)
    classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(Classifier(state), server)
    gateway_pb2_grpc.add_GatewayServiceServicer_to_server(Gateway(state), server)
    alive = health.HealthServicer()
    alive.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield FakeGateway(state, f"127.0.0.1:{port}")
    finally:
        state.watch_gate.set()
        server.stop(0).wait()
