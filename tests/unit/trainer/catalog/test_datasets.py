"""Datasets: create, page, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graft.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from trainer.catalog.job_records import JobState

if TYPE_CHECKING:
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.catalog.jobs import JobStore


def test_name_is_taken_once(datasets: DatasetStore) -> None:
    """A second dataset of the same name is refused."""
    datasets.create("faces")
    with pytest.raises(AlreadyExistsError) as caught:
        datasets.create("faces")
    assert caught.value.reason == "DATASET_EXISTS"


@pytest.mark.parametrize("name", ["", "Faces", "../x", "a b", "x" * 64])
def test_bad_names_are_refused(datasets: DatasetStore, name: str) -> None:
    """A name that is not safe in a path is refused."""
    with pytest.raises(InvalidArgumentError):
        datasets.create(name)


def test_counts_examples_and_labels(datasets: DatasetStore, faces: str) -> None:
    """A dataset knows how many examples and labels it has."""
    dataset = datasets.get(faces)
    assert (dataset.examples, dataset.labels) == (80, 4)


def test_pages_hold_every_dataset_once(datasets: DatasetStore) -> None:
    """Following the tokens visits every dataset once, in order."""
    names = [f"set-{n:02}" for n in range(7)]
    for name in reversed(names):
        datasets.create(name)
    seen, token = [], ""
    while True:
        page = datasets.list_page(3, token)
        seen += [dataset.name for dataset in page.items]
        token = page.next_token
        if not token:
            break
    assert seen == names


@pytest.mark.parametrize("token", ["x", "e30=", "WzFd", "WyJhIiwgMV0=", "bnVsbA==", "\N{SNOWMAN}"])
def test_forged_tokens_are_refused(datasets: DatasetStore, token: str) -> None:
    """A token that this listing never gave is the caller's fault, not a crash."""
    with pytest.raises(InvalidArgumentError) as caught:
        datasets.list_page(0, token)
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


def test_delete_takes_the_examples_along(datasets: DatasetStore, examples: ExampleStore, faces: str) -> None:
    """A deleted dataset is gone, and a new one of its name is empty."""
    datasets.delete(faces)
    with pytest.raises(NotFoundError):
        datasets.get(faces)
    datasets.create(faces)
    assert examples.counts(faces) == ()


def test_delete_waits_for_jobs(datasets: DatasetStore, jobs: JobStore, faces: str) -> None:
    """A dataset with a queued job is not deleted, and is once the job has ended."""
    job = jobs.create(faces, "faces", {})
    with pytest.raises(FailedPreconditionError, match="job-1") as caught:
        datasets.delete(faces)
    assert caught.value.reason == "DATASET_IN_USE"
    jobs.move(job.number, JobState.CANCELLED)
    datasets.delete(faces)
