"""What a feature extractor can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from feature_extractor.pipeline.admission import lane_share
from feature_extractor.trunks.loading import AUTO
from feature_extractor.trunks.weights.sources import source_of
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
    """Weights of the trunk: `imagenet`, `nsfwjs`, a weights file, a frozen graph (.pb), `random:SEED`, or `auto`: the
    first two in turn."""

    layer: str = ""
    """Keras layer whose output is the vector; empty takes the one that suits the weights."""

    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Arithmetic inside the trunk; `auto` is bfloat16 where the processor or the GPU multiplies it natively, and int8
    needs a trunk that `graft trunk quantize` made."""

    engine: Literal["auto", "tensorflow", "jax"] = "auto"
    """What runs the trunk; `auto` is TensorFlow, and OpenVINO for int8."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|gpu(:\d{1,3})?)$")
    """Where the trunk runs: `cpu`, `gpu`, `gpu:N` for one of several, or `auto`: the first GPU if there is one."""

    cpu_fallback: bool = False
    """Run on the processor where `device` asks for a GPU and there is none, instead of failing."""

    graph_input: str = "DecodeJpeg/contents:0"
    """Tensor of a frozen graph that takes the picture's bytes."""

    graph_output: str = "pool_3/_reshape:0"
    """Tensor of a frozen graph that is the vector."""

    graph_mode: Literal["batched", "faithful"] = "batched"
    """How a frozen graph is run: in batches, decoding outside with the same operations, or whole, a picture a run."""

    max_images_per_request: int = Field(default=256, ge=1, le=4096)
    """Pictures in one request message, and no more than three quarters of `queue_pictures`."""

    max_image_bytes: int = Field(default=20 * 2**20, ge=1024)
    """Bytes of one picture's file."""

    max_image_pixels: int = Field(default=100_000_000, ge=1024)
    """Width times height of one picture."""

    max_image_side_px: int = Field(default=65_535, ge=32)
    """Longer side of one picture."""

    accept_truncated: bool = False
    """Take a picture that is cut short, its missing part grey, instead of refusing it."""

    max_views: int = Field(default=16, ge=0, le=1000)
    """Extra views of one picture."""

    max_batch: int = Field(default=32, ge=1, le=32)
    """Pictures in a batch of the trunk."""

    max_batch_ms: int = Field(default=300, ge=1, le=60_000)
    """Milliseconds that a batch of more than one picture may take: what an interactive picture may have to wait for."""

    queue_pictures: int = Field(default=512, ge=1, le=100_000)
    """Pictures and views under way at once, of one lane three quarters of it; past it single calls are refused and
    streams wait, but a call or a stream's picture that finds its own lane empty is let in."""

    queue_bytes: int = Field(default=512 * 2**20, ge=2**20)
    """Bytes of the pictures under way at once, as files; past it single calls are refused and streams wait."""

    decode_threads: int = Field(default=0, ge=0, le=1024)
    """Threads that decode pictures; 0 is one for each processor. One more is there for the interactive lane alone."""

    trunk_threads: int = Field(default=0, ge=0, le=1024)
    """Threads that TensorFlow computes with; 0 is one for each processor."""

    cache_limit_bytes: int = Field(default=64 << 30, ge=2**20)
    """Bytes that the cache may use on disk; at it the least recently used vectors make room for new ones."""

    @field_validator("queue_pictures")
    @classmethod
    def _holds_a_picture_with_its_views(cls, value: int, info: ValidationInfo) -> int:
        inputs = 1 + info.data.get("max_views", 0)
        if inputs > lane_share(value):
            raise ValueError(
                f"a picture with the {inputs - 1} views of max_views needs {inputs} places, and {value} leave "
                f"{lane_share(value)} to one lane: give {-(-inputs * 4 // 3)} or more, or lower max_views"
            )
        return value
