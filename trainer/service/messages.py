"""Between the trainer's records and the wire's messages: datasets, examples, imports, classifiers, versions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from graft import statuses
from graft.errors import InvalidArgumentError, Violation
from graft.v1 import trainer_pb2 as pb
from trainer.catalog.examples import AddOutcome
from trainer.datasets.importing import Item
from trainer.datasets.split import Part
from trainer.service.metrics_messages import metrics_message
from trainer.service.recipe_messages import recipe_message, search_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.catalog.datasets import Dataset
    from trainer.catalog.examples import Example, LabelCount
    from trainer.catalog.version_records import Classifier, Version
    from trainer.datasets.importing import Added

_PARTS: dict[Part, pb.Part.ValueType] = {
    Part.TRAINING: pb.PART_TRAIN,
    Part.VALIDATION: pb.PART_VALIDATION,
    Part.TEST: pb.PART_TEST,
}
_PARTS_BY_NUMBER = {number: part for part, number in _PARTS.items()}
_OUTCOMES = {
    AddOutcome.ADDED: pb.IMPORT_OUTCOME_ADDED,
    AddOutcome.UNCHANGED: pb.IMPORT_OUTCOME_UNCHANGED,
}


def timestamp(milliseconds: int) -> Timestamp | None:
    """The moment; 0 stands for none."""
    if not milliseconds:
        return None
    moment = Timestamp()
    moment.FromMilliseconds(milliseconds)
    return moment


def part_of_message(part: pb.Part.ValueType) -> Part | None:
    """The part asked for; None for all.

    Raises:
        InvalidArgumentError: reason INVALID_PART; there is no such part.
    """
    if part == pb.PART_UNSPECIFIED:
        return None
    found = next((each for each, value in _PARTS.items() if value == part), None)
    if found is None:
        known = ", ".join(pb.Part.Name(value) for value in _PARTS.values())
        raise InvalidArgumentError(
            f"part {part} is none: use one of {known}, or leave it out for all",
            reason="INVALID_PART",
            violations=(Violation("part", f"must be one of {known}"),),
        )
    return found


def dataset_message(dataset: Dataset, counts: Iterable[LabelCount] = (), digest: bytes = b"") -> pb.Dataset:
    """A dataset, with its counts by label and its digest where they are given."""
    return pb.Dataset(
        name=dataset.name,
        create_time=timestamp(dataset.created_ms),
        example_count=dataset.examples,
        label_counts=[
            pb.LabelCount(label=each.label, train=each.training, validation=each.validation, test=each.test)
            for each in counts
        ],
        digest=digest,
    )


def example_message(example: Example) -> pb.Example:
    """One example."""
    return pb.Example(
        digest=example.digest,
        label=example.label,
        source=example.source_name,
        part=_PARTS[example.part],
        add_time=timestamp(example.added_ms),
    )


def item_of_message(item: pb.ImportItem) -> Item:
    """One item to import, unchecked."""
    given = item.WhichOneof("picture")
    return Item(
        label=item.label,
        source=item.source,
        digest=item.digest if given == "digest" else None,
        content=item.content if given == "content" else None,
        allowed=tuple(_PARTS_BY_NUMBER.get(part) for part in item.parts),
    )


def import_result(added: Added) -> pb.ImportResult:
    """What became of one item."""
    if added.outcome is None:
        error = None if added.error is None else statuses.to_status(added.error)
        return pb.ImportResult(digest=added.digest, error=error, computed=added.computed)
    return pb.ImportResult(digest=added.digest, outcome=_OUTCOMES[added.outcome], computed=added.computed)


def classifier_message(classifier: Classifier) -> pb.Classifier:
    """A classifier with its aliases."""
    return pb.Classifier(
        name=classifier.name,
        create_time=timestamp(classifier.created_ms),
        aliases=[pb.Alias(alias=alias, version=version) for alias, version in classifier.aliases],
        latest_version=classifier.latest_version,
        version_count=classifier.versions,
    )


def version_message(version: Version, *, details: bool) -> pb.Version:
    """A version as its manifest tells it; confusion matrix and search are details."""
    facts: dict[str, Any] = json.loads(version.manifest)
    return pb.Version(
        classifier=version.classifier,
        version=version.version,
        create_time=timestamp(version.created_ms),
        job_id=f"job-{version.job_number}",
        dataset=facts["dataset"]["name"],
        dataset_digest=bytes.fromhex(facts["dataset"]["snapshot_sha256"]),
        fingerprint=bytes.fromhex(facts["fingerprint"]),
        dimensions=facts["dimensions"],
        labels=facts["labels"],
        recipe=recipe_message(facts["recipe"]),
        metrics=metrics_message(facts, details=details),
        aliases=version.aliases,
        size_bytes=facts["files"]["head.safetensors"]["size_bytes"],
        graft_version=facts["code_version"],
        search=search_message(facts["search"]) if details and "search" in facts else None,
    )


def aliased_head(version: Version) -> pb.AliasedHead:
    """A version that shall be served."""
    return pb.AliasedHead(
        classifier=version.classifier,
        version=version.version,
        aliases=version.aliases,
        manifest_sha256=hashlib.sha256(version.manifest.encode()).digest(),
    )
