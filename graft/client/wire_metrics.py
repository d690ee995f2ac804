"""From the trainer's Metrics to graft.client.metric_records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graft.client.metric_records import CalibrationMetrics, ClassMetrics, Metrics, UnknownMetrics

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from numpy.typing import NDArray

    from graft.v1 import trainer_pb2


def metrics(wire: trainer_pb2.Metrics, labels: int) -> Metrics:
    """Return the metrics of a head with so many labels."""
    return Metrics(
        accuracy=wire.accuracy,
        accuracy_low=wire.accuracy_low,
        accuracy_high=wire.accuracy_high,
        test_examples=wire.test_examples,
        confusion_matrix=_confusion(wire, labels),
        log_loss=wire.log_loss,
        brier_score=wire.brier_score,
        calibration_error=wire.calibration_error,
        top_k={each.k: each.accuracy for each in wire.top_k},
        classes=tuple(
            ClassMetrics(_given(each, "precision"), _given(each, "recall"), _given(each, "f1"), each.support)
            for each in wire.classes
        ),
        untested_labels=tuple(wire.untested_labels),
        calibration=_calibration(wire.calibration) if wire.HasField("calibration") else None,
        unknown=_unknown(wire.unknown) if wire.HasField("unknown") else None,
        calibration_error_by_chance=_given(wire, "calibration_error_by_chance"),
    )


def _confusion(wire: trainer_pb2.Metrics, labels: int) -> NDArray[np.uint32] | None:
    """Return uint32[labels, labels] from the whole matrix or, where it is too large for a message, from its cells."""
    if wire.confusion_matrix:
        return np.array(wire.confusion_matrix, dtype=np.uint32).reshape(labels, labels)  # row-major on the wire
    if not wire.confusion:
        return None
    square = np.zeros((labels, labels), np.uint32)
    for cell in wire.confusion:
        square[cell.truth, cell.answer] = cell.count
    return square


def _calibration(wire: trainer_pb2.CalibrationMetrics) -> CalibrationMetrics:
    return CalibrationMetrics(
        temperature=wire.temperature,
        held_out_examples=wire.held_out_examples,
        log_loss_before=wire.log_loss_before,
        log_loss_after=wire.log_loss_after,
        calibration_error_before=wire.calibration_error_before,
        calibration_error_after=wire.calibration_error_after,
    )


def _unknown(wire: trainer_pb2.UnknownMetrics) -> UnknownMetrics:
    return UnknownMetrics(
        has_rule=wire.has_rule,
        false_accept_rate=wire.false_accept_rate,
        classes_left_out=wire.classes_left_out,
        auroc=_given(wire, "auroc"),
        max_probability_auroc=_given(wire, "max_probability_auroc"),
        test_known=wire.test_known,
        test_known_correct=wire.test_known_correct,
        test_uncertain=wire.test_uncertain,
        test_unknown=wire.test_unknown,
    )


def _given(wire: Message, field: str) -> Any:
    return getattr(wire, field) if wire.HasField(field) else None
