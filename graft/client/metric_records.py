"""How well a head does: what was measured on the test part, as frozen dataclasses (docs/evaluation.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """How a head does on one label.

    Attributes:
        precision: share of what was called this label that has it; None if nothing was called so.
        recall: share of this label's test examples that were called so; None if there is none.
        f1: harmonic mean of the two; None if there was nothing of either.
        support: test examples of this label.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """How the probabilities were made to mean what they say; losses and errors are those of the test part.

    Attributes:
        temperature: what logits are divided by, inside the head.
        held_out_examples: pictures that it was fitted on, 0 if there were too few.
        log_loss_before: in nats.
        log_loss_after: in nats.
        calibration_error_before: expected calibration error, 0 to 1.
        calibration_error_after: the same with the temperature.
    """

    temperature: float
    held_out_examples: int
    log_loss_before: float
    log_loss_after: float
    calibration_error_before: float
    calibration_error_after: float


@dataclass(frozen=True, slots=True)
class UnknownMetrics:
    """How well a head tells pictures of classes that it never saw.

    Attributes:
        has_rule: False if there were too few pictures to set thresholds by; it then gives no verdict.
        false_accept_rate: share of unknown pictures that may be called KNOWN.
        classes_left_out: classes left out one by one to measure this.
        auroc: of the unknown score, mean over those; None if none was left out.
        max_probability_auroc: the same for 1 - the largest probability; None if no picture could be held out.
        test_known: test examples called KNOWN.
        test_known_correct: of those, how many have the right label.
        test_uncertain: test examples called UNCERTAIN.
        test_unknown: test examples called UNKNOWN.
    """

    has_rule: bool
    false_accept_rate: float
    classes_left_out: int
    auroc: float | None
    max_probability_auroc: float | None
    test_known: int
    test_known_correct: int
    test_uncertain: int
    test_unknown: int


@dataclass(frozen=True, slots=True, eq=False)
class Metrics:
    """How well a head does on the test part, which training never saw.

    Attributes:
        accuracy: share labelled rightly, 0 to 1.
        accuracy_low: lower end of its 95 % Wilson interval.
        accuracy_high: upper end.
        test_examples: examples in the test part.
        confusion_matrix: uint32[labels, labels], row the true label, column the answer; None in lists of versions.
        log_loss: mean of -ln of the true label's probability, in nats.
        brier_score: mean squared error of the probabilities, 0 to 2.
        calibration_error: expected calibration error, 0 to 1.
        top_k: {k: share whose label is among the k most probable}; empty in lists of versions.
        classes: one for each label, in their order; empty in lists of versions.
        untested_labels: labels without a test example; empty in lists of versions.
        calibration: None for a head without a temperature.
        unknown: None for a head that was not measured so.
        calibration_error_by_chance: what `calibration_error` would be on the mean if every probability were right; None
            for a head of an earlier release.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    test_examples: int
    confusion_matrix: NDArray[np.uint32] | None
    log_loss: float
    brier_score: float
    calibration_error: float
    top_k: Mapping[int, float]
    classes: tuple[ClassMetrics, ...]
    untested_labels: tuple[str, ...]
    calibration: CalibrationMetrics | None
    unknown: UnknownMetrics | None
    calibration_error_by_chance: float | None = None
