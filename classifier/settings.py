"""What the classifier can be told."""

from __future__ import annotations

from graft.serving.settings import Address, StageSettings


class ClassifierSettings(StageSettings):
    """Settings of the classifier: those of every stage, and where the trainer is."""

    listen: Address = "127.0.0.1:50053"
    """Address to serve gRPC on, host:port; port 0 takes a free one and prints it."""

    trainer: Address = "127.0.0.1:50052"
    """Address of the trainer whose heads are followed, host:port."""
