"""The trainer away, another trunk in the extractor, vectors that are gone: what still works, what cures the rest."""

from __future__ import annotations

import hashlib
import signal
from typing import TYPE_CHECKING, Any

import pytest
from processes import wait_until
from separate_stages import Stages
from textures import write_textures

from graft.client import Client, Job, JobState, Recipe
from graft.errors import FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(180)]

QUICK = Recipe(kind="softmax", steps=50)
# Both have 288 values, so that nothing but the fingerprint tells their vectors apart.
TRUNK = ("--weights", "random:0", "--layer", "mixed1")
OTHER_TRUNK = ("--weights", "random:0", "--layer", "mixed2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 pictures, 10 under each label."""
    return write_textures(tmp_path_factory.mktemp("pictures"), 10)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Stages]:
    """The four services, each on its own, all of them serving."""
    with Stages(tmp_path) as running:
        running.start("feature_extractor", *TRUNK)
        for stage in ("trainer", "classifier", "gateway"):
            running.start(stage)
        running.wait_until_serving("trainer", "classifier", "gateway", "feature_extractor")
        yield running


@pytest.fixture
def client(stages: Stages, folder: Path) -> Iterator[Client]:
    """A client of their gateway, with a dataset `small` and a classifier made of it."""
    with Client(stages.addresses["gateway"]) as connected:
        connected.create_dataset("small")
        connected.import_folder("small", folder)
        assert train(connected).version == 1
        wait_until(lambda: connected.heads().heads, "the head in the classifier")
        yield connected


def train(client: Client) -> Job:
    """Train a head on `small` and return how the job ended."""
    *_, last = client.watch(client.train("small", recipe=QUICK).job_id)
    assert isinstance(last, Job)
    return last


def test_recognition_goes_on_without_the_trainer(stages: Stages, client: Client, folder: Path) -> None:
    """With the trainer stopped the answers stay the same, also from a classifier that was killed and starts anew."""
    pictures = sorted(folder.rglob("*.jpg"))[::7]
    before = [result.classification for result in client.classify("small", pictures)]
    assert stages.stop("trainer", signal.SIGTERM) == 0
    wait_until(lambda: not client.heads().registry_connected, "the classifier noticing that the trainer is gone")
    assert [result.classification for result in client.classify("small", pictures)] == before
    with pytest.raises(UnavailableError) as refused:
        client.datasets()
    assert refused.value.reason == "TRAINER_UNAVAILABLE"
    stages.stop("classifier", signal.SIGKILL)
    stages.start("classifier")
    stages.wait_until_serving("classifier")
    assert [result.classification for result in client.classify("small", pictures)] == before
    assert not client.heads().registry_connected
    stages.start("trainer")
    stages.wait_until_serving("trainer")
    wait_until(lambda: client.heads().registry_connected, "the classifier finding the trainer again")
    assert [result.classification for result in client.classify("small", pictures)] == before


def test_another_trunk_is_refused_until_its_vectors_and_a_head_of_its_own_are_there(
    stages: Stages, client: Client, folder: Path
) -> None:
    """Heads refuse foreign vectors, a job names the missing ones, and importing the folder again cures both."""
    pictures = sorted(folder.rglob("*.jpg"))
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in pictures]
    old = client.trunk().fingerprint
    assert stages.stop("feature_extractor", signal.SIGTERM) == 0
    stages.start("feature_extractor", *OTHER_TRUNK)
    stages.wait_until_serving("feature_extractor")
    new = client.trunk().fingerprint
    assert new != old
    assert client.trunk().dimensions == client.version("small", 1).dimensions
    with pytest.raises(FailedPreconditionError) as refused:
        client.classify("small", pictures[20:23])
    assert refused.value.reason == "FINGERPRINT_MISMATCH"
    assert old.hex() in refused.value.message
    assert new.hex() in refused.value.message

    assert [feature.error for feature in client.extract_stream(pictures[10:])] == [None] * 50  # ten are left out
    job = train(client)
    assert job.state is JobState.FAILED
    check_features_missing(job, 10, set(digests[:10]))

    report = client.import_folder("small", folder)
    assert (report.unchanged, report.computed, report.refused) == (60, 10, ())
    cured = train(client)
    assert (cured.state, cured.version) == (JobState.SUCCEEDED, 2)
    assert client.version("small", 2).fingerprint == new
    client.set_alias("small", 2)
    wait_until(lambda: 2 in {head.version for head in client.heads().heads}, "version 2 in the classifier")
    assert {result.version for result in client.classify("small", pictures)} == {2}


def check_features_missing(job: Job, count: int, digests: set[bytes]) -> None:
    """Check that a job failed because `count` vectors are gone, and that it names some of their digests."""
    error: Any = job.error
    assert error.reason == "FEATURES_MISSING"
    assert f"{count} of the 60 pictures of dataset 'small'" in error.message
    named = {digest for digest in digests if digest.hex() in error.message}
    assert len(named) == 5
