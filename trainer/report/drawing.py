"""The charts of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.pages.charts import Axes, Series, lines, matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.report.contents import Contents

_SMALL = (4.4, 3.4)
MAX_MATRIX = 200
"""Labels of the largest confusion matrix that is drawn."""


def training_curves(history: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """For each phase that reported a loss, a title and the losses over the steps."""
    drawn = []
    for phase in dict.fromkeys(each["phase"] for each in history):
        reports = [each for each in history if each["phase"] == phase]
        series = [_series(reports, "loss", "training"), _series(reports, "validation_loss", "validation")]
        kept = [each for each in series if len(each.x) > 1]
        if kept:
            x_title = "candidates" if phase == "searching" else "steps"
            drawn.append((str(phase), lines(kept, Axes(x_title, "loss, nats", size=_SMALL))))
    return drawn


def validation_accuracy(history: Sequence[Mapping[str, Any]]) -> str:
    """The accuracy on the validation part over the steps of the first fit; empty if it was not measured."""
    measured = _series([each for each in history if each["phase"] == "fitting"], "validation_accuracy", "")
    if len(measured.x) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    return lines([measured], Axes("steps", "accuracy on the validation part", (0, 1.02), size=_SMALL))


def confusion(contents: Contents) -> str:
    """The matrix; empty if there are too many labels to see anything."""
    labels = contents.manifest["labels"]
    return matrix(contents.matrix, labels) if len(labels) <= MAX_MATRIX else ""


def reliability(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy over the probability that was given, before and after the calibration."""
    series = [
        Series(name, [each["confidence"] for each in bins], [each["accuracy"] for each in bins], marked=True)
        for name, bins in (("calibrated", after), ("as fitted", before))
        if bins
    ]
    return lines(series, Axes("probability", "share that is right", (0, 1.02), diagonal=True, size=_SMALL))


def precision_recall(points: Sequence[Mapping[str, Any]]) -> str:
    """What is right among the answers, and what is answered rightly of all, over the least probability."""
    thresholds = [each["threshold"] for each in points]
    series = [
        Series("precision", thresholds, [each["precision"] for each in points]),
        Series("recall", thresholds, [each["recall"] for each in points]),
    ]
    return lines(series, Axes("least probability of an answer", "share", (0, 1.02), size=_SMALL))


def _series(reports: Sequence[Mapping[str, Any]], field: str, name: str) -> Series:
    known = [each for each in reports if each.get(field) is not None]
    return Series(name, [each["step"] for each in known], [each[field] for each in known])
