"""From a manifest's numbers to the wire's Metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from graft.v1 import trainer_pb2 as pb
from trainer.evaluation.counts import untested_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_LABELS: Final = 1000
"""A square matrix of more labels would not fit a message."""


def metrics_message(facts: Mapping[str, Any], *, details: bool) -> pb.Metrics:
    """How well the head of a parsed manifest does; what grows with its labels only if details are asked for."""
    test, labels = facts["metrics"]["test"], facts["labels"]
    message = pb.Metrics(
        accuracy=test["accuracy"],
        accuracy_low=test["accuracy_low"],
        accuracy_high=test["accuracy_high"],
        test_examples=test["examples"],
        log_loss=test["log_loss"],
        brier_score=test["brier"],
        calibration_error=test["calibration_error"],
        calibration_error_by_chance=test.get("calibration_error_by_chance"),  # heads of earlier releases have none
        calibration=_calibration(facts["calibration"]),
        unknown=_unknown(facts["unknown"], facts["metrics"]["unknown"]),
    )
    if details:
        message.top_k.extend(pb.TopAccuracy(k=int(k), accuracy=share) for k, share in test["top_k"].items())
        message.classes.extend(pb.ClassMetrics(**each) for each in test["classes"])
        message.confusion.extend(pb.ConfusionCell(truth=t, answer=a, count=n) for t, a, n in test["confusion"])
        message.confusion_matrix.extend(_square(test["confusion"], len(labels)))
        message.untested_labels.extend(untested_labels(labels, test["classes"]))
    return message


def _square(cells: list[list[int]], labels: int) -> list[int]:
    """Return the whole matrix row by row; nothing for too many labels."""
    if labels > _MOST_LABELS:
        return []
    counts = [0] * (labels * labels)
    for truth, answer, count in cells:
        counts[truth * labels + answer] = count
    return counts


def _calibration(found: Mapping[str, Any]) -> pb.CalibrationMetrics:
    return pb.CalibrationMetrics(
        temperature=found["temperature"],
        held_out_examples=found["held_out_examples"],
        log_loss_before=found["log_loss_before"],
        log_loss_after=found["log_loss_after"],
        calibration_error_before=found["calibration_error_before"],
        calibration_error_after=found["calibration_error_after"],
    )


def _unknown(rule: Mapping[str, Any] | None, measured: Mapping[str, Any]) -> pb.UnknownMetrics:
    verdicts = measured["test_verdicts"] or {}
    return pb.UnknownMetrics(
        has_rule=rule is not None,
        false_accept_rate=rule["false_accept_rate"] if rule else 0.0,
        classes_left_out=measured["classes_left_out"],
        auroc=measured["auroc"],
        max_probability_auroc=measured["max_probability_auroc"],
        test_known=verdicts.get("known", 0),
        test_known_correct=verdicts.get("known_correct", 0),
        test_uncertain=verdicts.get("uncertain", 0),
        test_unknown=verdicts.get("unknown", 0),
    )
