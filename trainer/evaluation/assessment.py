"""What becomes of a fitted head before it is published: calibration, the unknown rule, and the numbers of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.arrays import in_pieces
from trainer.evaluation.calibration import Calibration, calibrate, with_temperature
from trainer.evaluation.held_out import held_out_logits
from trainer.evaluation.measuring import Evaluation, evaluate
from trainer.evaluation.unknown import find_unknown_rule, verdict_counts
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.evaluation.arrays import Labels, Vectors
    from trainer.evaluation.held_out import FitRows, HeldOut
    from trainer.evaluation.unknown import UnknownFindings
    from trainer.registry.unknown_rule import UnknownRule

FORMAT = "graft.evaluation"
FORMAT_VERSION = 1

_GOLDEN_ROWS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """A head that is ready to be published.

    Attributes:
        network: calibrated.
        rule: how it tells what it does not know; None if there were too few pictures to set it by.
        golden: float32[g, d], vectors whose outputs travel with the head.
        facts: the manifest's keys `metrics` and `calibration`.
        findings: content of evaluation.json.
    """

    network: heads.Network
    rule: UnknownRule | None
    golden: Vectors
    facts: dict[str, Any]
    findings: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """All pictures of a snapshot.

    Attributes:
        vectors: float32[n, d].
        labels: int[n].
        digests: n of 32 bytes.
        fitted: int[f], rows of training and validation.
        test: int[t], rows of the test part.
        classes: number of labels.
    """

    vectors: Vectors
    labels: Labels
    digests: Sequence[bytes]
    fitted: Labels
    test: Labels
    classes: int


def assess(
    network: heads.Network,
    pictures: Pictures,
    fit_rows: FitRows,
    history: Sequence[dict[str, Any]],
    *,
    folds: int,
    false_accept_rate: float,
    seed: int,
    look: Callable[[], None],
) -> Assessed:
    """Calibrate a head, set its unknown rule and measure it on the test part, which neither of the two looks at.

    Args:
        network: the head as it was fitted.
        pictures: what there is.
        fit_rows: fits the same recipe to (training rows, validation rows).
        history: the reports of progress of the fit.
        folds: into how many the pictures are cut to calibrate it.
        false_accept_rate: share of unknown pictures that may be called KNOWN.
        seed: of samples and folds.
        look: called between pieces of work; it may raise.
    """
    p = pictures
    held = held_out_logits(fit_rows, p.vectors, p.labels, p.fitted, p.classes, seed, folds)
    look()
    calibration = calibrate(held.logits, held.truth)
    calibrated = with_temperature(network, calibration.temperature)
    unknown = find_unknown_rule(
        p.vectors, p.labels, p.fitted, p.classes, held, false_accept_rate=false_accept_rate, seed=seed, look=look
    )
    tested, truth, digests = p.vectors[p.test], p.labels[p.test], [p.digests[row] for row in p.test]
    before = evaluate(in_pieces(partial(heads.predict, network), tested), truth, digests)
    probabilities = in_pieces(partial(heads.predict, calibrated), tested)
    after = evaluate(probabilities, truth, digests)
    measured = {**unknown.to_dict(), "test_verdicts": None}
    if unknown.rule is not None:
        measured["test_verdicts"] = verdict_counts(unknown.rule, tested, probabilities, truth)
    facts = {
        "metrics": {"test": after.to_dict(), "unknown": measured},
        "calibration": _calibration_facts(calibration, held, before, after),
    }
    rows = np.unique(np.linspace(0, len(p.vectors) - 1, _GOLDEN_ROWS).astype(np.int64))
    return Assessed(calibrated, unknown.rule, p.vectors[rows], facts, _findings(before, after, unknown, history))


def _calibration_facts(
    calibration: Calibration, held: HeldOut, before: Evaluation, after: Evaluation
) -> dict[str, Any]:
    return {
        "temperature": calibration.temperature,
        "held_out_examples": calibration.held_out,
        "folds": held.folds,
        "held_out_log_loss_before": calibration.log_loss_before,
        "held_out_log_loss_after": calibration.log_loss_after,
        "log_loss_before": before.log_loss,
        "log_loss_after": after.log_loss,
        "calibration_error_before": before.calibration_error,
        "calibration_error_after": after.calibration_error,
    }


def _findings(
    before: Evaluation, after: Evaluation, unknown: UnknownFindings, history: Sequence[dict[str, Any]]
) -> bytes:
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "test": after.findings(),
        "reliability_before": before.findings()["reliability"],
        "left_out": unknown.findings(),
        "history": list(history),
    }
    return (json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n").encode()
