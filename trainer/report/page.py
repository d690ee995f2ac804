"""A report as a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainer.diagnosis.findings import ADVICE
from trainer.pages.rendering import render, svg
from trainer.report import candidates, drawing
from trainer.report.contents import FINDINGS, MISTAKES

if TYPE_CHECKING:
    from trainer.report.contents import Contents

SEARCH_ROWS = 30


def report_page(contents: Contents) -> bytes:
    """Return one self-contained HTML file."""
    test = contents.evaluation.get("test", {})
    history = contents.evaluation.get("history", [])
    search = contents.manifest.get("search")
    trials = candidates.rows(search["trials"]) if search else []
    accuracy, matrix = drawing.validation_accuracy(history), drawing.confusion(contents)
    return render(
        "report.html",
        contents=contents,
        manifest=contents.manifest,
        metrics=contents.manifest["metrics"]["test"],
        by_chance=contents.manifest["metrics"]["test"].get("calibration_error_by_chance"),  # earlier heads have none
        unknown=contents.manifest["metrics"].get("unknown"),
        calibration=contents.manifest.get("calibration"),
        left_out=contents.evaluation.get("left_out", []),
        curves=[(title, svg(drawn)) for title, drawn in drawing.training_curves(history)],
        accuracy_curve=svg(accuracy) if accuracy else "",
        matrix=svg(matrix) if matrix else "",
        reliability=svg(drawing.reliability(contents.evaluation.get("reliability_before", []), test["reliability"]))
        if test.get("reliability")
        else "",
        precision_recall=svg(drawing.precision_recall(test["precision_recall"]))
        if test.get("precision_recall")
        else "",
        mistakes=test.get("mistakes", [])[:MISTAKES],
        mistakes_total=test.get("mistakes_total", 0),
        search=search,
        trials=trials[:SEARCH_ROWS],
        trials_total=len(trials),
        recipe=json.dumps(contents.manifest["recipe"], indent=2, ensure_ascii=False),
        advice=ADVICE,
        findings=FINDINGS,
    )
