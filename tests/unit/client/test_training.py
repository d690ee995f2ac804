"""Datasets, training and classifiers through the two clients."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import Job, JobState, Part, Progress, Recipe
from graft.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError

if TYPE_CHECKING:
    from graft.client import AsyncClient, Client


def digest(content: bytes) -> bytes:
    """Return a picture's identity."""
    return hashlib.sha256(content).digest()


async def test_datasets_and_examples(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Datasets are made, paged through, looked into and deleted."""
    for name in ("c", "a", "b"):
        client.create_dataset(name)
    with pytest.raises(AlreadyExistsError) as caught:
        client.create_dataset("a")
    assert caught.value.resource_name == "a"
    assert (await aclient.create_dataset("a", exist_ok=True)).name == "a"
    assert [each.name for each in client.datasets()] == ["a", "b", "c"]
    assert [each.name for each in await aclient.datasets()] == ["a", "b", "c"]
    gateway.state.datasets["a"] = {(digest(b"x"), "rose"): "x.jpg", (digest(b"y"), "lily"): "y.jpg"}
    dataset = client.dataset("a")
    assert [(each.label, each.train) for each in dataset.label_counts] == [("lily", 1), ("rose", 1)]
    assert dataset.part_sizes() == {Part.TRAIN: 2, Part.VALIDATION: 0, Part.TEST: 0}
    examples = [each async for each in aclient.examples("a", label="rose", part=Part.TEST)]
    assert {each.part for each in examples} == {Part.TEST}
    assert (gateway.state.requests[-1].label, gateway.state.requests[-1].part) == ("rose", 3)
    assert client.remove_examples("a", [digest(b"x")]) == 1
    client.delete_dataset("a")
    with pytest.raises(NotFoundError):
        client.dataset("a")


async def test_training_is_created_watched_and_cancelled(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """A recipe travels with what was set; the watch yields states and progress until the end."""
    client.create_dataset("faces")
    job = client.train("faces", recipe=Recipe(kind="mlp", seed=0, hidden_units=(8,), dropout=0.5), request_id="r")
    sent = gateway.state.requests[-1]
    assert (sent.request_id, sent.recipe.HasField("seed"), sent.recipe.HasField("steps")) == ("r", True, False)
    assert job.recipe == Recipe(kind="mlp", seed=0, hidden_units=(8,), dropout=0.5)
    events = list(client.watch(job.job_id))
    assert [event.state for event in events if isinstance(event, Job)] == [
        JobState.QUEUED,
        JobState.RUNNING,
        JobState.SUCCEEDED,
    ]
    (progress,) = [event for event in events if isinstance(event, Progress)]
    assert (progress.done, progress.total, progress.validation_accuracy, progress.validation_loss) == (
        3,
        10,
        0.75,
        None,
    )
    gateway.state.job_error = FailedPreconditionError("3 vectors are missing", reason="FEATURES_MISSING")
    await aclient.train("faces", "other")
    assert gateway.state.requests[-1].request_id
    last = [event async for event in aclient.watch("job-1")][-1]
    assert isinstance(last, Job)
    assert last.ended
    assert last.error
    assert last.error.reason == "FEATURES_MISSING"
    assert [each.job_id for each in client.jobs(limit=1)] == ["job-1"]
    assert client.cancel("job-1").state is JobState.CANCELLED
    assert (await aclient.job("job-1")).classifier == "other"


async def test_classifiers_and_versions(client: Client, aclient: AsyncClient) -> None:
    """Versions carry metrics with their matrix; aliases move; what an alias points to stays."""
    version = client.version("faces", 1)
    assert version.metrics.confusion_matrix is not None
    assert version.metrics.confusion_matrix.tolist() == [[9, 1], [1, 9]]
    assert version.recipe.hidden_units == (512, 128)
    assert [each.version for each in client.versions("faces")] == [2, 1]
    assert client.versions("faces")[0].metrics.confusion_matrix is None
    assert (await aclient.set_alias("faces", 2)).aliases == {"production": 2}
    assert client.roll_back("faces", expected_version=2).aliases == {"production": 1}
    client.set_alias("faces", 2)
    assert (await aclient.roll_back("faces", expected_version=2)).aliases == {"production": 1}
    client.set_alias("faces", 2)
    assert [each.name for each in await aclient.classifiers()] == ["faces"]
    with pytest.raises(FailedPreconditionError) as caught:
        client.delete_version("faces", 2)
    assert caught.value.reason == "VERSION_ALIASED"
    client.delete_version("faces", 1)
    client.delete_classifier("faces")
    with pytest.raises(NotFoundError):
        client.classifier("faces")
