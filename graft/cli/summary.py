"""What a training came to, in a few lines: how sure, how well each class, and how many answers to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graft.cli import output

if TYPE_CHECKING:
    from graft.client import ClassMetrics, Metrics, Version

_WEAKEST: Final = 3
_NAMED: Final = 5


def summary(version: Version) -> list[str]:
    """Return the lines for a version, the accuracy first; what was not measured has no line."""
    metrics = version.metrics
    first = (
        f"{version.classifier} version {version.version}: accuracy {output.percent(metrics.accuracy)} on "
        f"{metrics.test_examples} test pictures "
        f"(95 % interval {output.percent(metrics.accuracy_low)} to {output.percent(metrics.accuracy_high)})"
    )
    found = [("calibration", _calibration(metrics)), ("weakest", _weakest(version)), ("verdicts", _verdicts(metrics))]
    if metrics.untested_labels:
        others = len(metrics.untested_labels) - _NAMED
        named = ", ".join(metrics.untested_labels[:_NAMED]) + (f" and {others} more" if others > 0 else "")
        found.append(("untested", f"{named}: without a test picture, the numbers tell nothing of them"))
    found.append(("more", f"`graft report {version.classifier}@{version.version}` writes all of it as a page"))
    return [first, *(f"  {name:<12} {text}" for name, text in found if text)]


def _calibration(metrics: Metrics) -> str:
    """How far probabilities are from what they say, beside what chance makes of it on so few pictures."""
    if not metrics.test_examples or metrics.calibration is None:
        return ""
    chance = metrics.calibration_error_by_chance
    beside = "" if chance is None else f"; {metrics.test_examples} pictures give {chance:.3f} by chance alone"
    return f"probabilities are off by {metrics.calibration_error:.3f} on the mean{beside}"


def _weakest(version: Version) -> str:
    """The classes with the lowest F1, at most three, those without a fault left out."""
    tested = [
        (each.f1, label, each)
        for label, each in zip(version.labels, version.metrics.classes, strict=False)  # a list has no classes
        if each.support and each.f1 is not None and each.f1 < 1
    ]
    tested.sort(key=lambda one: one[:2])
    return "; ".join(f"{label} ({_rates(each)})" for _, label, each in tested[:_WEAKEST])


def _rates(each: ClassMetrics) -> str:
    precision = "never answered" if each.precision is None else f"precision {each.precision * 100:.0f} %"
    return f"{precision}, recall {(each.recall or 0) * 100:.0f} % of {each.support}"


def _verdicts(metrics: Metrics) -> str:
    """How the test pictures were judged, all of which are of known classes."""
    unknown = metrics.unknown
    if unknown is None or not metrics.test_examples:
        return ""
    if not unknown.has_rule:
        return "none: too few pictures to tell what it does not know"
    return (
        f"{unknown.test_known} KNOWN ({unknown.test_known_correct} of them right), {unknown.test_uncertain} UNCERTAIN, "
        f"{unknown.test_unknown} UNKNOWN"
    )
