"""A manifest's numbers on the wire, and as the client reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from graft.client.wire_metrics import metrics
from trainer.evaluation.measuring import evaluate
from trainer.service.metrics_messages import metrics_message

_CALIBRATION = {
    "temperature": 1.5,
    "held_out_examples": 40,
    "log_loss_before": 0.9,
    "log_loss_after": 0.8,
    "calibration_error_before": 0.2,
    "calibration_error_after": 0.1,
}


def _facts(labels: int = 3, *, rule: bool = True) -> dict[str, Any]:
    probabilities = np.eye(3, labels, dtype="f4") * 0.5 + 0.5 / labels
    test = evaluate(probabilities, np.array([0, 0, 2]), [b"a", b"b", b"c"]).to_dict()
    verdicts = {"known": 2, "known_correct": 1, "uncertain": 1, "unknown": 0}
    unknown = {"classes_left_out": 3 * rule, "auroc": 0.9 if rule else None, "max_probability_auroc": None}
    return {
        "labels": [f"l{n}" for n in range(labels)],
        "metrics": {"test": test, "unknown": {**unknown, "test_verdicts": verdicts if rule else None}},
        "calibration": _CALIBRATION,
        "unknown": {"false_accept_rate": 0.05} if rule else None,
    }


def test_a_version_tells_everything() -> None:
    """The client gets each number that the manifest has, and what there is no number for as None."""
    found = metrics(metrics_message(_facts(), details=True), 3)
    assert found.confusion_matrix is not None
    assert found.confusion_matrix.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert (found.classes[0].recall, found.classes[1].recall, found.classes[1].precision) == (0.5, None, 0.0)
    assert found.untested_labels == ("l1",)
    assert found.calibration_error_by_chance == _facts()["metrics"]["test"]["calibration_error_by_chance"]
    assert found.top_k == {1: 2 / 3, 2: 1.0}
    assert found.calibration is not None
    assert (found.calibration.temperature, found.calibration.log_loss_after) == (1.5, 0.8)
    assert found.unknown is not None
    assert (found.unknown.has_rule, found.unknown.auroc, found.unknown.max_probability_auroc) == (True, 0.9, None)
    assert (found.unknown.test_known, found.unknown.test_known_correct, found.unknown.test_uncertain) == (2, 1, 1)


def test_a_list_is_short() -> None:
    """What grows with the labels is left out; the rest is there."""
    message = metrics_message(_facts(), details=False)
    assert not [*message.classes, *message.confusion, *message.confusion_matrix, *message.top_k]
    assert message.log_loss > 0
    assert metrics(message, 3).confusion_matrix is None


def test_a_head_of_an_earlier_release_is_read() -> None:
    """What it does not tell is None."""
    facts = _facts()
    del facts["metrics"]["test"]["calibration_error_by_chance"]
    assert metrics(metrics_message(facts, details=True), 3).calibration_error_by_chance is None


def test_a_head_without_a_rule_says_so() -> None:
    """There is no false-accept rate and no AUROC then."""
    found = metrics(metrics_message(_facts(rule=False), details=True), 3).unknown
    assert found is not None
    assert (found.has_rule, found.false_accept_rate, found.auroc, found.test_known) == (False, 0.0, None, 0)


def test_a_very_large_confusion_matrix_travels_as_its_cells() -> None:
    """Beyond a thousand labels the square is left out, and the client makes it from the cells."""
    message = metrics_message(_facts(1001), details=True)
    assert not message.confusion_matrix
    square = metrics(message, 1001).confusion_matrix
    assert square is not None
    assert (square.shape, square.sum(), square[0, 1]) == ((1001, 1001), 3, 1)
