"""What the trainer keeps: datasets, examples, classifiers and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from graft.client.job_records import Recipe, Search
    from graft.client.metric_records import Metrics


class Part(StrEnum):
    """Which part of a dataset an example is in; the empty string is what a newer server may send."""

    UNSPECIFIED = ""
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many examples of one label are in each part."""

    label: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of examples. Times are UTC.

    Attributes:
        name: unique.
        create_time: when it was created.
        example_count: examples in all.
        label_counts: by label; empty in lists of datasets.
        digest: SHA-256 over its examples, 32 raw bytes; empty unless it was asked for.
    """

    name: str
    create_time: datetime | None
    example_count: int
    label_counts: tuple[LabelCount, ...]
    digest: bytes = b""

    def part_sizes(self) -> dict[Part, int]:
        """Return how many examples each part holds, over all labels."""
        return {
            Part.TRAIN: sum(each.train for each in self.label_counts),
            Part.VALIDATION: sum(each.validation for each in self.label_counts),
            Part.TEST: sum(each.test for each in self.label_counts),
        }


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture of a dataset.

    Attributes:
        digest: SHA-256 of the picture's bytes, 32 raw bytes.
        label: as it was imported.
        source: where it came from when it was first added.
        part: which part it is in, for good.
        add_time: UTC.
    """

    digest: bytes
    label: str
    source: str
    part: Part
    add_time: datetime | None

    @property
    def digest_hex(self) -> str:
        """The digest in hexadecimal."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One trained head of a classifier.

    Attributes:
        classifier: its name.
        version: 1 for the first, counting upward.
        create_time: when training ended, UTC.
        job_id: the job that made it.
        dataset: what it was trained on.
        dataset_digest: SHA-256 over the examples, 32 raw bytes.
        fingerprint: 16 bytes, the trunk of the vectors it takes.
        dimensions: values in a vector it takes.
        labels: in the order of its outputs.
        recipe: every value filled in.
        metrics: on the test part.
        aliases: those that point to it.
        size_bytes: of its tensors on disk.
        graft_version: what trained it.
        search: what recipe `auto` tried and chose; None for other recipes and in lists.
    """

    classifier: str
    version: int
    create_time: datetime | None
    job_id: str
    dataset: str
    dataset_digest: bytes
    fingerprint: bytes
    dimensions: int
    labels: tuple[str, ...]
    recipe: Recipe
    metrics: Metrics
    aliases: tuple[str, ...]
    size_bytes: int
    graft_version: str
    search: Search | None = None


@dataclass(frozen=True, slots=True)
class Classifier:
    """A named line of head versions; `aliases` maps each alias to its version. The time is UTC."""

    name: str
    create_time: datetime | None
    aliases: Mapping[str, int]
    latest_version: int
    version_count: int
