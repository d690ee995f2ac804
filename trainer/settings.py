"""What a trainer can be told."""

from __future__ import annotations

from pydantic import Field

from graft.serving.settings import Address, StageSettings


class TrainerSettings(StageSettings):
    """Settings of the trainer, beside those of every stage."""

    listen: Address = "127.0.0.1:50052"
    """Address to serve gRPC on, host:port; port 0 takes a free one and prints it."""

    extractor: Address = "127.0.0.1:50051"
    """Address of the feature extractor, host:port."""

    threads: int = Field(default=1, ge=0, le=1024)
    """Threads that TensorFlow trains with; 0 is one for each processor. Heads are small: one is enough for most, and
    leaves the rest to an extractor on the same machine."""

    checkpoint_every_s: float = Field(default=2.0, ge=0, le=3600)
    """Seconds of fitting between two checkpoints of a job at least; they take a fiftieth of its time at most."""

    workers_elsewhere: bool = False
    """Whether others start the workers of a job with several (a TFJob), on machines that share HOME/jobs; if not, the
    trainer starts them itself, on its own machine."""

    workers_begin_s: float = Field(default=600.0, ge=1, le=86400)
    """Seconds that workers elsewhere are given to begin."""

    tensorboard: bool = False
    """Whether jobs write event files for TensorBoard, under HOME/jobs/NUMBER/tensorboard."""

    false_accept_rate: float = Field(default=0.05, gt=0, lt=1)
    """Share of pictures of no known class that a new head may call KNOWN: its thresholds are set for it. Lower holds
    more pictures of known classes back."""

    max_items_per_message: int = Field(default=256, ge=1, le=4096)
    """Items in one message of ImportExamples."""
