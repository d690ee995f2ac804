"""The trainer's calls: a request built from plain values, and how its response is read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from graft.client import wire_recipes, wire_records
from graft.client.effects import Call, Method
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft.client.job_records import Job, Recipe
    from graft.client.records import Classifier, Dataset, Example, Part, Version

IMPORT_EXAMPLES = Method("TrainerService", "ImportExamples")
WATCH_TRAINING_JOB = Method("TrainerService", "WatchTrainingJob")


def _method(name: str) -> Method:
    return Method("TrainerService", name)


def _nothing(response: Any) -> None:  # noqa: ARG001 - some responses carry nothing
    return None


def create_dataset(name: str) -> Call[Dataset]:
    """Create an empty dataset."""
    request = trainer_pb2.CreateDatasetRequest(name=name)
    return Call(_method("CreateDataset"), request, lambda response: wire_records.dataset(response.dataset))


def dataset(name: str, *, digest: bool = False) -> Call[Dataset]:
    """Get a dataset with its counts, and its digest if that is wanted."""
    request = trainer_pb2.GetDatasetRequest(name=name, with_digest=digest)
    return Call(_method("GetDataset"), request, lambda response: wire_records.dataset(response.dataset))


def datasets(page_size: int, page_token: str) -> Call[tuple[list[Dataset], str]]:
    """Get a page of datasets and the token of the next."""
    request = trainer_pb2.ListDatasetsRequest(page_size=page_size, page_token=page_token)
    return Call(
        _method("ListDatasets"),
        request,
        lambda page: ([wire_records.dataset(each) for each in page.datasets], page.next_page_token),
    )


def delete_dataset(name: str) -> Call[None]:
    """Delete a dataset."""
    return Call(_method("DeleteDataset"), trainer_pb2.DeleteDatasetRequest(name=name), _nothing)


def examples(dataset: str, label: str, part: Part, page_size: int, page_token: str) -> Call[tuple[list[Example], str]]:
    """Get a page of examples and the token of the next."""
    request = trainer_pb2.ListExamplesRequest(
        dataset=dataset, label=label, part=wire_records.wire_part(part), page_size=page_size, page_token=page_token
    )
    return Call(
        _method("ListExamples"),
        request,
        lambda page: ([wire_records.example(each) for each in page.examples], page.next_page_token),
    )


def remove_examples(dataset: str, digests: Sequence[bytes]) -> Call[int]:
    """Remove examples by digest; the result is how many."""
    request = trainer_pb2.RemoveExamplesRequest(dataset=dataset, digests=digests)
    return Call(_method("RemoveExamples"), request, lambda response: response.removed)


def train(
    dataset: str, classifier: str, recipe: Recipe | None, request_id: str, like: tuple[str, int] | None
) -> Call[Job]:
    """Create a training job; without a request id one is made up, so that a retry cannot create a second job."""
    request = trainer_pb2.CreateTrainingJobRequest(
        dataset=dataset,
        classifier=classifier,
        recipe=None if recipe is None else wire_recipes.wire_recipe(recipe),
        like=None if like is None else trainer_pb2.VersionName(classifier=like[0], version=like[1]),
        request_id=request_id or uuid.uuid4().hex,
    )
    return Call(_method("CreateTrainingJob"), request, lambda response: wire_records.job(response.job))


def job(job_id: str) -> Call[Job]:
    """Get a job as it stands."""
    request = trainer_pb2.GetTrainingJobRequest(job_id=job_id)
    return Call(_method("GetTrainingJob"), request, lambda response: wire_records.job(response.job))


def jobs(page_size: int, page_token: str) -> Call[tuple[list[Job], str]]:
    """Get a page of jobs and the token of the next."""
    request = trainer_pb2.ListTrainingJobsRequest(page_size=page_size, page_token=page_token)
    return Call(
        _method("ListTrainingJobs"),
        request,
        lambda page: ([wire_records.job(each) for each in page.jobs], page.next_page_token),
    )


def cancel(job_id: str) -> Call[Job]:
    """Cancel a job."""
    request = trainer_pb2.CancelTrainingJobRequest(job_id=job_id)
    return Call(_method("CancelTrainingJob"), request, lambda response: wire_records.job(response.job))


def classifier(name: str) -> Call[Classifier]:
    """Get a classifier."""
    request = trainer_pb2.GetClassifierRequest(name=name)
    return Call(_method("GetClassifier"), request, lambda response: wire_records.classifier(response.classifier))


def classifiers(page_size: int, page_token: str) -> Call[tuple[list[Classifier], str]]:
    """Get a page of classifiers and the token of the next."""
    request = trainer_pb2.ListClassifiersRequest(page_size=page_size, page_token=page_token)
    return Call(
        _method("ListClassifiers"),
        request,
        lambda page: ([wire_records.classifier(each) for each in page.classifiers], page.next_page_token),
    )


def version(classifier: str, version: int) -> Call[Version]:
    """Get a version with its metrics."""
    request = trainer_pb2.GetVersionRequest(classifier=classifier, version=version)
    return Call(_method("GetVersion"), request, lambda response: wire_records.version(response.version))


def versions(classifier: str, page_size: int, page_token: str) -> Call[tuple[list[Version], str]]:
    """Get a page of versions and the token of the next."""
    request = trainer_pb2.ListVersionsRequest(classifier=classifier, page_size=page_size, page_token=page_token)
    return Call(
        _method("ListVersions"),
        request,
        lambda page: ([wire_records.version(each) for each in page.versions], page.next_page_token),
    )


def set_alias(classifier: str, version: int, alias: str, expected_version: int | None) -> Call[Classifier]:
    """Point an alias at a version."""
    request = trainer_pb2.SetAliasRequest(
        classifier=classifier, alias=alias, version=version, expected_version=expected_version
    )
    return Call(_method("SetAlias"), request, lambda response: wire_records.classifier(response.classifier))


def roll_back(classifier: str, alias: str, expected_version: int | None) -> Call[Classifier]:
    """Point an alias back at the version before."""
    request = trainer_pb2.RollbackAliasRequest(classifier=classifier, alias=alias, expected_version=expected_version)
    return Call(_method("RollbackAlias"), request, lambda response: wire_records.classifier(response.classifier))


def delete_version(classifier: str, version: int) -> Call[None]:
    """Delete a version."""
    request = trainer_pb2.DeleteVersionRequest(classifier=classifier, version=version)
    return Call(_method("DeleteVersion"), request, _nothing)


def delete_classifier(name: str) -> Call[None]:
    """Delete a classifier with its versions."""
    return Call(_method("DeleteClassifier"), trainer_pb2.DeleteClassifierRequest(name=name), _nothing)
