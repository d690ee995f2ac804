"""What the gateway can be told."""

from __future__ import annotations

from graft.serving.settings import Address, StageSettings


class GatewaySettings(StageSettings):
    """Settings of the gateway: those of every stage, and where the stages behind it are."""

    listen: Address = "127.0.0.1:50050"
    """Address to serve gRPC on, host:port; port 0 takes a free one and prints it."""

    extractor: Address = "127.0.0.1:50051"
    """Address of the feature extractor, host:port."""

    trainer: Address = "127.0.0.1:50052"
    """Address of the trainer, host:port."""

    classifier: Address = "127.0.0.1:50053"
    """Address of the classifier, host:port."""
