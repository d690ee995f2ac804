"""The numbers of an evaluation, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.evaluation.confidence import (
    brier_score,
    calibration_error_by_chance,
    expected_calibration_error,
    log_loss,
    reliability,
)
from trainer.evaluation.counts import class_scores, confusion_cells, top_k_accuracy
from trainer.evaluation.measuring import evaluate
from trainer.evaluation.mistakes import mistakes
from trainer.evaluation.thresholds import precision_recall

_P = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.5, 0.1, 0.4]], np.float32)
_TRUTH = np.array([0, 1, 1, 0])


def test_confusion_counts_pairs_of_truth_and_answer() -> None:
    """An example of label 0 that was called 2 is a cell (0, 2, 1); pairs that never occur have none."""
    cells = confusion_cells(np.array([0, 0, 1, 1]), np.array([2, 0, 1, 1]), 3)
    assert cells.tolist() == [[0, 0, 1], [0, 2, 1], [1, 1, 2]]


def test_confusion_of_many_classes_stays_small() -> None:
    """A hundred thousand classes need no square matrix."""
    assert confusion_cells(np.array([99_999]), np.array([5]), 100_000).tolist() == [[99_999, 5, 1]]


def test_class_scores_are_precision_recall_and_f1() -> None:
    """Each class has its own; a class that is neither there nor answered has none."""
    first, second, third = class_scores(_TRUTH, _P.argmax(axis=1), 3)
    assert (first.precision, first.recall, first.support) == (pytest.approx(2 / 3), 1.0, 2)
    assert (second.precision, second.recall, second.f1) == (1.0, 0.5, pytest.approx(2 / 3))
    assert (third.precision, third.recall, third.f1, third.support) == (None, None, None, 0)


def test_top_k_counts_labels_among_the_first() -> None:
    """The label's place among the probabilities decides; of equals the earlier label is first."""
    assert top_k_accuracy(_P, _TRUTH) == {1: 0.75, 2: 1.0}
    tie = np.array([[0.5, 0.5]])
    assert top_k_accuracy(tie, np.array([0])) == {1: 1.0}
    assert top_k_accuracy(tie, np.array([1])) == {1: 0.0}


def test_losses_match_their_formulas() -> None:
    """Log loss and Brier score are what their definitions give."""
    assert log_loss(_P, _TRUTH) == pytest.approx(-np.log([0.9, 0.7, 0.3, 0.5]).mean(), rel=1e-6)
    hot = np.eye(3)[_TRUTH]
    assert brier_score(_P, _TRUTH) == pytest.approx(((_P - hot) ** 2).sum(axis=1).mean(), rel=1e-6)
    assert np.isfinite(log_loss(np.array([[1.0, 0.0]]), np.array([1])))


def test_reliability_bins_hold_equal_numbers() -> None:
    """Bins are cut by number, whatever the probabilities, and their error is weighted by it."""
    bins = reliability(_P, _TRUTH, 2)
    assert [each.examples for each in bins] == [2, 2]
    assert bins[0].confidence == pytest.approx(0.55)
    assert bins[0].accuracy == 0.5
    assert expected_calibration_error(bins) == pytest.approx((0.05 + 0.2) / 2)


def test_chance_alone_gives_a_calibration_error() -> None:
    """It is what heads show whose probabilities are right; more examples have less of it, certain answers none."""
    rng = np.random.default_rng(1)
    top = np.tile(np.linspace(0.6, 0.99, 20), 5)
    probabilities = np.stack([top, 1 - top], axis=1)
    drawn = [
        expected_calibration_error(reliability(probabilities, (rng.random(len(top)) > top).astype(int)))
        for _ in range(300)
    ]
    by_chance = calibration_error_by_chance(probabilities)
    assert by_chance == pytest.approx(np.mean(drawn), rel=0.06)
    assert calibration_error_by_chance(np.tile(probabilities, (16, 1))) == pytest.approx(by_chance / 4, rel=0.1)
    assert calibration_error_by_chance(np.eye(4)) == 0
    assert calibration_error_by_chance(np.zeros((0, 3))) == 0


def test_curve_trades_recall_for_precision() -> None:
    """At each threshold precision counts the answers given, recall all examples."""
    curve = precision_recall(_P, _TRUTH)
    assert [(each.threshold, each.precision, each.recall, each.answered) for each in curve] == [
        (pytest.approx(0.5), 0.75, 0.75, 1.0),
        (pytest.approx(0.6), pytest.approx(2 / 3), 0.5, 0.75),
        (pytest.approx(0.7), 1.0, 0.5, 0.5),
        (pytest.approx(0.9), 1.0, 0.25, 0.25),
    ]


def test_curve_of_many_examples_is_cut() -> None:
    """A curve has its first and last threshold and no more points than asked for."""
    top = np.linspace(0.5, 1, 1000)
    curve = precision_recall(np.stack([top, 1 - top], axis=1), np.zeros(1000, int), 10)
    assert (len(curve), curve[0].threshold, curve[-1].threshold) == (10, 0.5, 1.0)


def test_mistakes_are_the_surest_first() -> None:
    """Wrong answers come with their picture, both labels and both probabilities; no more than asked for."""
    wrong = np.array([1, 1, 1, 2])
    found = mistakes(_P, wrong, [b"a", b"b", b"c", b"d"], 2)
    assert [(each.digest, each.truth, each.answer) for each in found] == [(b"a", 1, 0), (b"c", 1, 0)]
    assert found[0].probability == pytest.approx(0.9)
    assert found[0].truth_probability == pytest.approx(0.1)


def test_evaluation_counts_what_is_right() -> None:
    """Accuracy is the share whose own label is the most probable; the manifest's part is plain JSON."""
    result = evaluate(_P, _TRUTH, [b"a", b"b", b"c", b"d"])
    assert (result.examples, result.correct, result.accuracy) == (4, 3, 0.75)
    assert result.to_dict()["confusion"] == [[0, 0, 2], [1, 0, 1], [1, 1, 1]]
    assert result.findings()["mistakes_total"] == 1
    assert result.findings()["mistakes"][0]["digest"] == b"c".hex()


def test_nothing_to_evaluate_gives_numbers_all_the_same() -> None:
    """Without examples there is no crash and no claim: the interval is everything."""
    result = evaluate(np.zeros((0, 3), np.float32), np.zeros(0, int), [])
    assert (result.accuracy_low, result.accuracy_high) == (0.0, 1.0)
    assert result.findings()["reliability"] == []
