"""What the trainer tells of training jobs: recipes, states, progress."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from graft.errors import GraftError


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
        note: what to know of a job that has not ended: where it goes on after its trainer ended; mostly empty.
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
    note: str = ""

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
