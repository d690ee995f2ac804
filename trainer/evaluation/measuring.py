"""All numbers of one head on the test part: the short ones for the manifest, the long ones for evaluation.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainer.evaluation.confidence import (
    ReliabilityBin,
    brier_score,
    calibration_error_by_chance,
    expected_calibration_error,
    log_loss,
    reliability,
)
from trainer.evaluation.counts import ClassScore, class_scores, confusion_cells, top_k_accuracy
from trainer.evaluation.intervals import wilson_interval
from trainer.evaluation.mistakes import Mistake, mistakes
from trainer.evaluation.thresholds import ThresholdPoint, precision_recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.evaluation.arrays import Floats, Labels


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The result on one set of examples; docs/evaluation.md says what each number means.

    Attributes:
        examples: how many.
        correct: how many got their own label as the most probable one.
        accuracy: correct / examples, 0 to 1.
        accuracy_low: lower end of the 95 % Wilson interval of the accuracy.
        accuracy_high: upper end.
        top_k: {k: share whose label is among the k most probable}.
        log_loss: mean of -ln p(true label), in nats.
        brier: mean squared error of the probabilities, 0 to 2.
        classes: the scores of each label.
        confusion: int64[cells, 3]: label, answer, count.
        bins: reliability in bins of equal mass.
        calibration_error_by_chance: what the calibration error would be on the mean if probabilities were right.
        curve: precision and recall by threshold.
        mistakes: wrong answers, the surest first.
    """

    examples: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    top_k: dict[int, float]
    log_loss: float
    brier: float
    classes: tuple[ClassScore, ...]
    confusion: npt.NDArray[np.int64]
    bins: tuple[ReliabilityBin, ...]
    calibration_error_by_chance: float
    curve: tuple[ThresholdPoint, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 0 to 1."""
        return expected_calibration_error(self.bins)

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest holds."""
        return {
            "examples": self.examples,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "accuracy_low": self.accuracy_low,
            "accuracy_high": self.accuracy_high,
            "interval": "wilson-95",
            "top_k": {str(k): share for k, share in self.top_k.items()},
            "log_loss": self.log_loss,
            "brier": self.brier,
            "calibration_error": self.calibration_error,
            "calibration_error_by_chance": self.calibration_error_by_chance,
            "calibration_error_bins": f"equal-mass-{len(self.bins)}",
            "classes": [each.to_dict() for each in self.classes],
            "confusion": self.confusion.tolist(),
        }

    def findings(self) -> dict[str, Any]:
        """Return what evaluation.json holds beside it."""
        return {
            "reliability": [each.to_dict() for each in self.bins],
            "precision_recall": [each.to_dict() for each in self.curve],
            "mistakes": [each.to_dict() for each in self.mistakes],
            "mistakes_total": self.examples - self.correct,
        }


def evaluate(probabilities: Floats, truth: Labels, digests: Sequence[bytes]) -> Evaluation:
    """Measure probabilities [n, classes] against the true label indices int[n]; `digests` of the n pictures."""
    classes = probabilities.shape[1]
    answers = probabilities.argmax(axis=1) if len(truth) else np.zeros(0, np.int64)  # [n]; the first of equals
    examples, correct = len(truth), int((answers == truth).sum())
    low, high = wilson_interval(correct, examples)
    return Evaluation(
        examples=examples,
        correct=correct,
        accuracy=correct / examples if examples else 0.0,
        accuracy_low=low,
        accuracy_high=high,
        top_k=top_k_accuracy(probabilities, truth),
        log_loss=log_loss(probabilities, truth),
        brier=brier_score(probabilities, truth),
        classes=class_scores(truth, answers, classes),
        confusion=confusion_cells(truth, answers, classes),
        bins=reliability(probabilities, truth),
        calibration_error_by_chance=calibration_error_by_chance(probabilities),
        curve=precision_recall(probabilities, truth),
        mistakes=mistakes(probabilities, truth, digests),
    )
