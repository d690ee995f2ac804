"""The feature extractor as a process of its own, with an untrained trunk and real pictures, over the wire."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from extractor_process import extract, is_serving, picture, start, stub_of
from PIL import Image

from graft import statuses
from graft.v1 import common_pb2
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft.serving.testing import StageProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


def bomb() -> bytes:
    """Return a PNG of 20,000 x 20,000 pixels in some kilobytes."""
    content = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the module, so that its trunk is built once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def extractor(home: Path) -> Iterator[StageProcess]:
    """A serving extractor."""
    with start(home) as stage:
        stage.wait_until_serving()
        yield stage


def cosine(left: bytes, right: bytes) -> float:
    """Return the cosine between two vectors as they travel."""
    a, b = np.frombuffer(left, "<f4"), np.frombuffer(right, "<f4")
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_bad_pictures_never_fail_their_neighbours(extractor: StageProcess) -> None:
    """Of 64 pictures with four bad ones, 60 get the vectors of single calls and four an error that names them."""
    contents = [picture(seed) for seed in range(64)]
    bad = {
        7: (contents[7][: len(contents[7]) // 2], "CORRUPT_IMAGE"),
        21: (b"", "EMPTY_IMAGE"),
        40: (bomb(), "TOO_MANY_PIXELS"),
        63: (b"<html>not a picture</html>", "UNSUPPORTED_FORMAT"),
    }
    for index, (content, _) in bad.items():
        contents[index] = content
    response = extract(extractor, contents)
    assert len(response.results) == 64
    for index, result in enumerate(response.results):
        assert result.digest == hashlib.sha256(contents[index]).digest()
        if index in bad:
            error = statuses.from_status(result.error)
            assert error.reason == bad[index][1]
            assert error.violations[0].subject == f"images[{index}].content"  # type: ignore[attr-defined] # InvalidArgument
            assert error.metadata["digest"] == result.digest.hex()
        else:
            assert len(result.vector) == 4 * response.dimensions
    stream = stub_of(extractor).StreamFeatures(
        iter([pb.StreamFeaturesRequest(images=[common_pb2.Image(content=contents[0])])])
    )
    assert next(stream).results[0].cached
    fresh = picture(1000)
    alone = extract(extractor, [fresh]).results[0]
    assert not alone.cached
    assert is_serving(extractor)


def test_a_vector_does_not_depend_on_its_batch_mates(
    extractor: StageProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same pictures, one a call in another home, have the same vectors."""
    contents = [picture(seed) for seed in range(2000, 2012)]
    together = extract(extractor, contents)
    with start(tmp_path_factory.mktemp("other")) as other:
        other.wait_until_serving()
        for content, result in zip(contents, together.results, strict=True):
            response = extract(other, [content])
            assert response.fingerprint == together.fingerprint
            assert cosine(response.results[0].vector, result.vector) >= 0.9999


def test_vectors_are_found_again_by_digest(extractor: StageProcess) -> None:
    """What was streamed is not missing, is looked up in the order asked for, and has a preview."""
    contents = [picture(seed) for seed in range(3000, 3010)]
    digests = [hashlib.sha256(content).digest() for content in contents]
    stub = stub_of(extractor)
    assert list(stub.FindMissing(pb.FindMissingRequest(digests=digests)).missing_digests) == digests
    requests = [
        pb.StreamFeaturesRequest(images=[common_pb2.Image(content=content)], omit_vectors=True) for content in contents
    ]
    answers = list(stub.StreamFeatures(iter(requests)))
    assert [answer.results[0].digest for answer in answers] == digests
    assert not any(answer.results[0].vector or answer.results[0].cached for answer in answers)
    unknown = bytes(32)
    assert list(stub.FindMissing(pb.FindMissingRequest(digests=[unknown, *digests])).missing_digests) == [unknown]
    (found,) = stub.LookupFeatures(pb.LookupFeaturesRequest(digests=[digests[3], unknown, digests[1]]))
    assert list(found.digests) == [digests[3], digests[1]]
    assert list(found.missing_digests) == [unknown]
    assert np.frombuffer(found.vectors, "<f4").size == 2 * found.dimensions
    previews = list(stub.GetPreviews(pb.GetPreviewsRequest(digests=[digests[0], unknown])))
    assert Image.open(io.BytesIO(previews[0].jpeg)).size == (120, 90)
    assert previews[1].jpeg == b""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 in the middle of a stream, nothing that was answered is computed again."""
    contents = [picture(seed) for seed in range(4000, 4200)]
    with start(tmp_path) as stage:
        stage.wait_until_serving()
        requests = [pb.StreamFeaturesRequest(images=[common_pb2.Image(content=content)]) for content in contents]
        acknowledged = []
        for answer in stub_of(stage).StreamFeatures(iter(requests)):
            acknowledged.append(answer.results[0].digest)
            if len(acknowledged) == 40:
                stage.process.send_signal(signal.SIGKILL)
                break
        stage.process.wait(30)
    with start(tmp_path) as stage:
        stage.wait_until_serving()
        missing = stub_of(stage).FindMissing(pb.FindMissingRequest(digests=acknowledged)).missing_digests
        assert list(missing) == []
        assert stage.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priorities for threads")
def test_the_trunks_threads_give_way_to_those_that_answer(extractor: StageProcess) -> None:
    """The thread that answers calls is an ordinary one; those that compute are nicer."""
    niceness = {
        int(task.name): int((task / "stat").read_text().rpartition(")")[2].split()[16])
        for task in Path(f"/proc/{extractor.process.pid}/task").iterdir()
    }
    assert niceness[extractor.process.pid] == os.getpriority(os.PRIO_PROCESS, 0)
    assert max(niceness.values()) > niceness[extractor.process.pid]


def test_a_second_owner_of_a_home_is_refused(extractor: StageProcess, home: Path) -> None:
    """The second process ends with code 1 and names the first."""
    with start(home) as second:
        assert second.process.wait(120) == 1
    assert extractor.process.poll() is None
