"""What the trainer keeps: datasets, examples, recipes, jobs, classifiers and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from graft.errors import GraftError


class Part(StrEnum):
    """Which part of a dataset an example is in; the empty string is what a newer server may send."""

    UNSPECIFIED = ""
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class JobState(StrEnum):
    """How a training job stands; the empty string is what a newer server may send."""

    UNSPECIFIED = ""
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many examples of one label are in each part."""

    label: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of examples; `label_counts` is empty in lists of datasets. Times are UTC."""

    name: str
    create_time: datetime | None
    example_count: int
    label_counts: tuple[LabelCount, ...]

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


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train a head; what is None or empty takes the recipe's own value.

    Attributes:
        kind: `seed`, `softmax` or `mlp`; empty means `mlp`.
        seed: of everything random.
        hidden_units: units of each hidden layer, from the input on.
        learning_rate: step size, above 0.
        batch_size: examples in a batch.
        steps: optimiser steps; `seed` and `softmax` only.
        max_epochs: most epochs; `mlp` only, as are the rest.
        patience: epochs without a better validation loss before stopping.
        weight_decay: decoupled, 0 or more.
        dropout: probability that a hidden unit is dropped, 0 up to but not including 1.
        label_smoothing: share of the target spread over all labels, 0 up to but not including 1.
        residual_noise: scale of other examples' residuals added to a training vector, 0 or more.
        max_steps: most optimiser steps; one epoch is always made.
        initial_stddev: of the truncated normal that weights start as; `seed` and `softmax` only, as is the next.
        report_every: steps between two reports of progress.
    """

    kind: str = ""
    seed: int | None = None
    hidden_units: tuple[int, ...] = ()
    learning_rate: float | None = None
    batch_size: int | None = None
    steps: int | None = None
    max_epochs: int | None = None
    patience: int | None = None
    weight_decay: float | None = None
    dropout: float | None = None
    label_smoothing: float | None = None
    residual_noise: float | None = None
    max_steps: int | None = None
    initial_stddev: float | None = None
    report_every: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a recipe on a dataset.

    Attributes:
        job_id: the trainer's id.
        dataset: what it trains on.
        classifier: what its head becomes a version of.
        recipe: every value filled in.
        state: how it stands.
        create_time: UTC, as the next two.
        start_time: None before it ran.
        end_time: None before it ended.
        version: what it produced; 0 unless it succeeded.
        error: why it failed or was interrupted.
    """

    job_id: str
    dataset: str
    classifier: str
    recipe: Recipe
    state: JobState
    create_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    version: int
    error: GraftError | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is; losses in nats, accuracies 0 to 1, None where it was not measured.

    Attributes:
        phase: `loading`, `fitting`, `refitting` or `evaluating`.
        done: optimiser steps done in this phase; vectors fetched while loading.
        total: of this phase at most; 0 when it has none.
        epoch: passes over the training examples done; 0 for recipes that count steps only.
        train_loss: mean since the progress before.
        validation_loss: on the validation part.
        validation_accuracy: on the validation part.
    """

    phase: str
    done: int
    total: int
    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Metrics:
    """How well a head does on the test part, which training never saw.

    Attributes:
        accuracy: share labelled rightly, 0 to 1.
        accuracy_low: lower end of its 95 % Wilson interval.
        accuracy_high: upper end.
        test_examples: examples in the test part.
        confusion_matrix: uint32[labels, labels], row the true label, column the answer; None in lists of versions.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    test_examples: int
    confusion_matrix: NDArray[np.uint32] | None


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


@dataclass(frozen=True, slots=True)
class Classifier:
    """A named line of head versions; `aliases` maps each alias to its version. The time is UTC."""

    name: str
    create_time: datetime | None
    aliases: Mapping[str, int]
    latest_version: int
    version_count: int
