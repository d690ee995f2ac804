"""How far a training job is: what fitting reports, jobs record and watchers see."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Phase(StrEnum):
    """What a running job is doing."""

    LOADING = "loading"
    """Fetching the vectors."""
    SEARCHING = "searching"
    """Scoring candidates on folds: recipe `auto`."""
    FITTING = "fitting"
    """Training on the training part, watching the validation part."""
    REFITTING = "refitting"
    """Training once more on training and validation parts, for the epochs found."""
    EVALUATING = "evaluating"
    """Measuring on the test part and writing the version."""
    BUILDING = "building"
    """Writing a network to be exported."""
    COMPARING = "comparing"
    """Running what was written beside the services."""
    PAIRING = "pairing"
    """Looking for near duplicates: every picture beside every other."""
    JUDGING = "judging"
    """Judging labels by pictures that are known to be others."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a running job; None where a number is not known yet.

    Attributes:
        phase: what is being done.
        step: gradient steps done in this phase.
        steps: gradient steps this phase takes at most; 0 when it has none.
        epoch: passes over the training examples done in this phase; 0 for recipes that count steps only.
        loss: mean loss since the report before, in nats, regularisation left out.
        validation_loss: mean cross-entropy on the validation part, in nats.
        validation_accuracy: share of the validation part that is right, 0 to 1.
    """

    phase: Phase
    step: int = 0
    steps: int = 0
    epoch: int = 0
    loss: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Progress:
        """Return the report that `to_dict` wrote."""
        return cls(**{**plain, "phase": Phase(plain["phase"])})
