"""A feature extractor as a process of its own, with an untrained trunk cut early, and what its tests ask of it."""

from __future__ import annotations

import hashlib
import io
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from graft.channels import open_sync_channel
from graft.serving.testing import stage_process
from graft.v1 import common_pb2, feature_extractor_pb2_grpc
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from graft.serving.testing import StageProcess

SOON_S = 120.0
"""Longer than anything here takes, in seconds: past it a test has failed."""


def picture(seed: int, size: tuple[int, int] = (120, 90)) -> bytes:
    """Return a JPEG of coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(blocks).resize(size).save(content, "JPEG", quality=90)
    return content.getvalue()


def digests_of(contents: Iterable[bytes]) -> list[bytes]:
    """The digests of pictures."""
    return [hashlib.sha256(content).digest() for content in contents]


def start(home: Path, *flags: str) -> AbstractContextManager[StageProcess]:
    """Start an extractor with an untrained trunk, cut early so that it is quick."""
    trunk = ("--weights", "random:0", "--layer", "mixed2")
    return stage_process("feature_extractor", "--home", str(home), *trunk, *flags)


def stub_of(stage: StageProcess) -> feature_extractor_pb2_grpc.FeatureExtractorServiceStub:
    """Return a stub on a channel that lives as long as the process of the tests, and shows every refusal."""
    return feature_extractor_pb2_grpc.FeatureExtractorServiceStub(open_sync_channel(stage.address, retries=False))


def images(contents: Iterable[bytes]) -> list[common_pb2.Image]:
    """These pictures as they travel."""
    return [common_pb2.Image(content=content) for content in contents]


def extract(extractor: StageProcess, contents: Sequence[bytes], **fields: Any) -> pb.ExtractFeaturesResponse:
    """Extract in one call."""
    request = pb.ExtractFeaturesRequest(images=images(contents), **fields)
    return stub_of(extractor).ExtractFeatures(request, timeout=SOON_S)


def stream_requests(contents: Sequence[bytes], each: int = 8, **fields: Any) -> list[pb.StreamFeaturesRequest]:
    """The messages of a stream of these pictures."""
    return [
        pb.StreamFeaturesRequest(images=images(contents[first : first + each]), **fields)
        for first in range(0, len(contents), each)
    ]


def is_serving(extractor: StageProcess) -> bool:
    """What health says."""
    health: Any = health_pb2_grpc.HealthStub(open_sync_channel(extractor.address))
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=SOON_S).status
    return bool(status == health_pb2.HealthCheckResponse.SERVING)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class MetricsPage:
    """The Prometheus page of an extractor.

    Args:
        port: where it is.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def fetch(self) -> dict[str, float]:
        """Each sample by its name, those by outcome as `graft_pictures_total dropped`."""
        with urllib.request.urlopen(self._url, timeout=SOON_S) as page:  # noqa: S310  # an address of this test's own
            text = page.read().decode()
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def await_that(self, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """Fetch the page until it says so, and return it."""
        give_up_at = time.monotonic() + SOON_S
        while not holds(page := self.fetch()):
            assert time.monotonic() < give_up_at, page
        return page
