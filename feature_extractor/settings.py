"""What a feature extractor can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from feature_extractor.loading import AUTO
from feature_extractor.weights.sources import source_of
from graft.errors import InvalidArgumentError
from graft.serving.settings import Address, StageSettings


def _checked_weights(value: str) -> str:
    if value != AUTO:
        try:
            source_of(value)
        except InvalidArgumentError as error:
            raise ValueError(error.message) from error
    return value


class ExtractorSettings(StageSettings):
    """Settings of the feature extractor, beside those of every stage."""

    listen: Address = "127.0.0.1:50051"
    """Address to serve gRPC on, host:port; port 0 takes a free one and prints it."""

    weights: Annotated[str, AfterValidator(_checked_weights)] = "auto"
    """Weights of the trunk: `imagenet`, `nsfwjs`, a weights file, `random:SEED`, or `auto`: the first two in turn."""

    layer: str = ""
    """Keras layer whose output is the vector; empty takes the one that suits the weights."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic inside the trunk; `auto` is bfloat16 where the processor multiplies it natively."""

    max_images_per_request: int = Field(default=256, ge=1, le=4096)
    """Pictures in one request message."""

    max_image_bytes: int = Field(default=20 * 2**20, ge=1024)
    """Bytes of one picture's file."""

    max_image_pixels: int = Field(default=100_000_000, ge=1024)
    """Width times height of one picture."""

    max_batch: int = Field(default=32, ge=1, le=32)
    """Pictures in a batch of the trunk."""

    queue_pictures: int = Field(default=512, ge=1, le=100_000)
    """Pictures under way at once; past it single calls are refused and streams wait."""

    decode_threads: int = Field(default=0, ge=0, le=1024)
    """Threads that decode pictures; 0 is one for each processor."""

    trunk_threads: int = Field(default=0, ge=0, le=1024)
    """Threads that TensorFlow computes with; 0 is one for each processor."""

    cache_limit_bytes: int = Field(default=64 << 30, ge=2**20)
    """Bytes that the cache may use on disk; past it vectors are answered but not stored."""
