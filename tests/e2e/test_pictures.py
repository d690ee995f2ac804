"""Many pictures through the gateway, some of them bad: in one call, and on a stream."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from textures import LABELS, texture

from graft import statuses
from graft.channels import open_sync_channel
from graft.v1 import common_pb2, gateway_pb2, gateway_pb2_grpc

if TYPE_CHECKING:
    from graft.client import Client

pytestmark = [pytest.mark.tensorflow, pytest.mark.weights, pytest.mark.timeout(300)]

NOT_A_PICTURE = b"a text file that somebody has named holiday.jpg"
HEALTHY_SERVICES = ("", "graft.v1.GatewayService", "graft.v1.FeatureExtractorService")


def bomb() -> bytes:
    """Return a PNG of 400 megapixels in some kilobytes."""
    content = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(content, "PNG")
    return content.getvalue()


def probabilities(result: gateway_pb2.ImageResult) -> dict[str, float]:
    """Return the probability of each label."""
    return {each.label: each.probability for each in result.classification.labels}


@pytest.mark.usefixtures("trained")
def test_bad_pictures_never_fail_their_neighbours(stack: Any) -> None:
    """Of 64 pictures with four bad ones, 60 are labelled as on their own and four have an error that names them."""
    contents = [texture(LABELS[number % 6], 5000 + number) for number in range(64)]
    bad = {
        5: (contents[5][: len(contents[5]) // 2], "CORRUPT_IMAGE"),
        20: (b"", "EMPTY_IMAGE"),
        41: (bomb(), "TOO_MANY_PIXELS"),
        63: (NOT_A_PICTURE, "UNSUPPORTED_FORMAT"),
    }
    for index, (content, _) in bad.items():
        contents[index] = content
    with open_sync_channel(stack.address()) as channel:
        gateway = gateway_pb2_grpc.GatewayServiceStub(channel)

        def classify(pictures: list[bytes]) -> gateway_pb2.GatewayServiceClassifyResponse:
            images = [common_pb2.Image(content=content) for content in pictures]
            head = common_pb2.HeadRef(classifier="textures")
            return gateway.Classify(gateway_pb2.GatewayServiceClassifyRequest(head=head, images=images), timeout=120)

        response = classify(contents)
        assert (response.classifier, response.version, len(response.results)) == ("textures", 1, 64)
        for index, result in enumerate(response.results):
            assert result.digest == hashlib.sha256(contents[index]).digest()
            assert result.WhichOneof("outcome") == ("error" if index in bad else "classification")
        for index, (_, reason) in bad.items():
            error = statuses.from_status(response.results[index].error)
            assert error.reason == reason
            assert error.violations[0].subject == f"images[{index}].content"  # type: ignore[attr-defined] # InvalidArgument
            assert error.metadata["digest"] == response.results[index].digest.hex()
        for index in range(0, 60, 7):
            if index not in bad:
                alone = classify([contents[index]]).results[0]
                assert probabilities(alone) == pytest.approx(probabilities(response.results[index]), abs=1e-6)
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in HEALTHY_SERVICES:
            answer = health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_stream_answers_each_of_300_pictures_in_order(trained: Any, client: Client) -> None:
    """Known ones, new ones and repeats come back in the order sent; one that is no picture has its own error."""
    known = sorted(trained.folder.rglob("*.jpg"))
    draw = np.random.default_rng(11)
    offered: list[Any] = [known[place] for place in draw.integers(0, len(known), 269)]
    offered += [texture(LABELS[number % 6], 6000 + number) for number in range(20)]
    offered += offered[-10:]  # new ones, repeated while the first of them may be on its way
    offered.insert(150, NOT_A_PICTURE)
    results = list(client.classify_stream("textures", iter(offered), top_k=2))
    contents = [each if isinstance(each, bytes) else each.read_bytes() for each in offered]
    assert len(results) == 300
    assert [result.digest for result in results] == [hashlib.sha256(content).digest() for content in contents]
    assert [index for index, result in enumerate(results) if result.error] == [150]
    assert results[150].error is not None
    assert results[150].error.reason == "UNSUPPORTED_FORMAT"
    labels: dict[bytes, Any] = {}
    for result in results:
        if result.classification:
            assert len(result.classification.labels) == 2
            first = labels.setdefault(result.digest, result.classification)
            # The head's products are rounded otherwise in a message of another length.
            for known_label, label in zip(first.labels, result.classification.labels, strict=True):
                assert label.label == known_label.label
                assert label.probability == pytest.approx(known_label.probability, abs=1e-6)
    right = [
        result.classification.best.label == path.parent.name
        for result, path in zip(results[:150], offered[:150], strict=True)
        if result.classification
    ]
    assert len(right) == 150
    assert sum(right) >= 130
