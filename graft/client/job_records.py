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
        kind: `auto`, `mlp`, `lda`, `logistic`, `average`, `softmax` or `seed`; empty means `auto`,
            or `mlp` if a setting is given that `auto` does not know.
        seed: of everything random.
        hidden_units: units of each hidden layer, from the input on; `mlp` and `seed` only.
        learning_rate: step size, above 0.
        batch_size: examples in a batch.
        steps: optimiser steps; `seed` and `softmax` only.
        max_epochs: most epochs; `mlp` only, as are the next seven.
        patience: epochs without a better validation loss before stopping.
        weight_decay: decoupled, 0 or more.
        dropout: probability that a hidden unit is dropped, 0 up to but not including 1.
        label_smoothing: share of the target spread over all labels, 0 up to but not including 1.
        residual_noise: scale of other examples' residuals added to a training vector, 0 or more.
        max_steps: most optimiser steps; one epoch is always made.
        initial_stddev: of the truncated normal that weights start as; `seed` and `softmax` only, as is the next.
        report_every: steps between two looks at the validation part.
        class_weights: `none` or `balanced`.
        views: extra views of each training picture to train on as well.
        view_seed: what those views were drawn from.
        epochs: on training and validation parts together, without looking for their number first; `mlp` only.
        shrinkage: share of its diagonal part in the covariance; `lda` only; 0 is Ledoit and Wolf's estimate.
        l2: penalty on the squared weights; `logistic` only, as is the next.
        max_iterations: of the optimiser.
        folds: that the pictures are cut into; `auto` only, as is the next.
        time_budget_s: seconds after which the search begins no further candidate.
        members: the recipes that are averaged; `average` only, as is the next.
        factors: of each member's logits.
        no_hidden_layers: true if `hidden_units` is empty and means it.
        workers: processes that share the work; `mlp`, `softmax` and `seed` only.
        variance_floor: part of the mean variance added to each dimension's before inputs are divided by their
            deviation, 0 or more; `mlp` and `logistic` only.
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
    class_weights: str | None = None
    views: int | None = None
    view_seed: int | None = None
    epochs: int | None = None
    shrinkage: float | None = None
    l2: float | None = None
    max_iterations: int | None = None
    folds: int | None = None
    time_budget_s: float | None = None
    members: tuple[Recipe, ...] = ()
    factors: tuple[float, ...] = ()
    no_hidden_layers: bool = False
    workers: int | None = None
    variance_floor: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate of a search, scored on pictures that it was not fitted to.

    Attributes:
        recipe: every value filled in.
        rung: 1 for the first look; those that did well come back on a higher one.
        folds: on how many it was scored.
        accuracy: share of the held-out pictures labelled rightly, 0 to 1.
        log_loss: their mean cross-entropy in nats, after calibration.
        seconds: that this took.
    """

    recipe: Recipe
    rung: int
    folds: int
    accuracy: float
    log_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Search:
    """What recipe `auto` tried and chose.

    Attributes:
        chosen: the recipe that the head was trained by.
        trials: what was tried, in that order.
        cut: what the time budget left no time for.
        pictures: how many were cut into folds.
        folds: on how many a candidate was scored in the end.
        seconds: that the search took.
    """

    chosen: Recipe
    trials: tuple[Trial, ...]
    cut: tuple[Recipe, ...]
    pictures: int
    folds: int
    seconds: float


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
        phase: `loading`, `searching`, `fitting`, `refitting` or `evaluating`.
        done: optimiser steps done in this phase; vectors fetched while loading, candidates scored while searching.
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
