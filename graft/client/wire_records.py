"""Between the trainer's messages and graft.client.records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from graft import statuses
from graft.client.job_records import Job, JobState, Progress
from graft.client.records import Classifier, Dataset, Example, LabelCount, Part, Version
from graft.client.wire_metrics import metrics
from graft.client.wire_recipes import recipe, search
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message

_PARTS: Final[dict[trainer_pb2.Part.ValueType, Part]] = {
    trainer_pb2.PART_TRAIN: Part.TRAIN,
    trainer_pb2.PART_VALIDATION: Part.VALIDATION,
    trainer_pb2.PART_TEST: Part.TEST,
}
_WIRE_PARTS: Final = {
    Part.UNSPECIFIED: trainer_pb2.PART_UNSPECIFIED,
    **{part: number for number, part in _PARTS.items()},
}
_STATES: Final[dict[int, JobState]] = {
    trainer_pb2.JOB_STATE_QUEUED: JobState.QUEUED,
    trainer_pb2.JOB_STATE_RUNNING: JobState.RUNNING,
    trainer_pb2.JOB_STATE_SUCCEEDED: JobState.SUCCEEDED,
    trainer_pb2.JOB_STATE_FAILED: JobState.FAILED,
    trainer_pb2.JOB_STATE_CANCELLED: JobState.CANCELLED,
    trainer_pb2.JOB_STATE_INTERRUPTED: JobState.INTERRUPTED,
}


def time_of(wire: Message, field: str) -> datetime | None:
    """Return a timestamp field as a time in UTC, None if it is unset."""
    if not wire.HasField(field):
        return None
    stamp: datetime = getattr(wire, field).ToDatetime(tzinfo=UTC)
    return stamp


def _set_or_none(wire: Message, field: str) -> Any:
    return getattr(wire, field) if wire.HasField(field) else None


def part(number: trainer_pb2.Part.ValueType) -> Part:
    """Return the part of a number on the wire."""
    return _PARTS.get(number, Part.UNSPECIFIED)


def wire_part(part: Part) -> trainer_pb2.Part.ValueType:
    """Return the wire's number of a part."""
    return _WIRE_PARTS[part]


def dataset(wire: trainer_pb2.Dataset) -> Dataset:
    """Return a dataset with its counts."""
    counts = tuple(LabelCount(each.label, each.train, each.validation, each.test) for each in wire.label_counts)
    return Dataset(wire.name, time_of(wire, "create_time"), wire.example_count, counts, wire.digest)


def example(wire: trainer_pb2.Example) -> Example:
    """Return an example."""
    part = _PARTS.get(wire.part, Part.UNSPECIFIED)
    return Example(wire.digest, wire.label, wire.source, part, time_of(wire, "add_time"))


def job(wire: trainer_pb2.TrainingJob) -> Job:
    """Return a job as it stands."""
    return Job(
        job_id=wire.job_id,
        dataset=wire.dataset,
        classifier=wire.classifier,
        recipe=recipe(wire.recipe),
        state=_STATES.get(wire.state, JobState.UNSPECIFIED),
        create_time=time_of(wire, "create_time"),
        start_time=time_of(wire, "start_time"),
        end_time=time_of(wire, "end_time"),
        version=wire.version,
        error=statuses.from_status(wire.error) if wire.HasField("error") else None,
        note=wire.note,
    )


def event(wire: trainer_pb2.WatchTrainingJobResponse) -> Job | Progress | None:
    """Return what happened to a job; None for a kind of event that this client does not know."""
    match wire.WhichOneof("event"):
        case "job":
            return job(wire.job)
        case "progress":
            return progress(wire.progress)
        case _:
            return None


def progress(wire: trainer_pb2.TrainingProgress) -> Progress:
    """Return how far training is."""
    return Progress(
        phase=wire.phase,
        done=wire.done,
        total=wire.total,
        epoch=wire.epoch,
        train_loss=_set_or_none(wire, "train_loss"),
        validation_loss=_set_or_none(wire, "validation_loss"),
        validation_accuracy=_set_or_none(wire, "validation_accuracy"),
    )


def version(wire: trainer_pb2.Version) -> Version:
    """Return one version of a classifier."""
    return Version(
        classifier=wire.classifier,
        version=wire.version,
        create_time=time_of(wire, "create_time"),
        job_id=wire.job_id,
        dataset=wire.dataset,
        dataset_digest=wire.dataset_digest,
        fingerprint=wire.fingerprint,
        dimensions=wire.dimensions,
        labels=tuple(wire.labels),
        recipe=recipe(wire.recipe),
        metrics=metrics(wire.metrics, len(wire.labels)),
        aliases=tuple(wire.aliases),
        size_bytes=wire.size_bytes,
        graft_version=wire.graft_version,
        search=search(wire.search) if wire.HasField("search") else None,
    )


def classifier(wire: trainer_pb2.Classifier) -> Classifier:
    """Return a classifier."""
    return Classifier(
        name=wire.name,
        create_time=time_of(wire, "create_time"),
        aliases={each.alias: each.version for each in wire.aliases},
        latest_version=wire.latest_version,
        version_count=wire.version_count,
    )
