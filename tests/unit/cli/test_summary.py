"""What `graft train` prints of a version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from graft.cli.summary import summary
from graft.client import CalibrationMetrics, ClassMetrics, Metrics, Recipe, UnknownMetrics, Version

_METRICS = Metrics(
    accuracy=0.8,
    accuracy_low=0.7,
    accuracy_high=0.9,
    test_examples=60,
    confusion_matrix=None,
    log_loss=0.5,
    brier_score=0.3,
    calibration_error=0.071,
    top_k={},
    classes=(
        ClassMetrics(1.0, 1.0, 1.0, 9),
        ClassMetrics(0.9, 0.8, 0.847, 10),
        ClassMetrics(None, 0.0, 0.0, 4),
        ClassMetrics(0.5, 1.0, 0.667, 5),
        ClassMetrics(0.75, 0.5, 0.6, 6),
        ClassMetrics(None, None, None, 0),
    ),
    untested_labels=("fox",),
    calibration=CalibrationMetrics(1.2, 200, 0.6, 0.5, 0.08, 0.071),
    unknown=UnknownMetrics(True, 0.05, 5, 0.9, 0.8, 40, 39, 17, 3),
    calibration_error_by_chance=0.052,
)
_VERSION = Version(
    classifier="pets",
    version=3,
    create_time=datetime(2026, 1, 1, tzinfo=UTC),
    job_id="job-1",
    dataset="pets",
    dataset_digest=b"",
    fingerprint=b"",
    dimensions=8,
    labels=("ant", "bee", "cat", "dog", "elk", "fox"),
    recipe=Recipe(kind="mlp"),
    metrics=_METRICS,
    aliases=(),
    size_bytes=1,
    graft_version="0.1.0",
)


def _printed(metrics: Metrics) -> str:
    return "\n".join(summary(replace(_VERSION, metrics=metrics)))


def test_the_summary_is_short_and_names_the_weakest_classes() -> None:
    """Accuracy, calibration beside chance, three classes of the lowest F1, verdicts, what is untested, the report."""
    elk, dog = "elk (precision 75 %, recall 50 % of 6)", "dog (precision 50 %, recall 100 % of 5)"
    assert summary(_VERSION) == [
        "pets version 3: accuracy 80.0 % on 60 test pictures (95 % interval 70.0 % to 90.0 %)",
        "  calibration  probabilities are off by 0.071 on the mean; 60 pictures give 0.052 by chance alone",
        f"  weakest      cat (never answered, recall 0 % of 4); {elk}; {dog}",
        "  verdicts     40 KNOWN (39 of them right), 17 UNCERTAIN, 3 UNKNOWN",
        "  untested     fox: without a test picture, the numbers tell nothing of them",
        "  more         `graft report pets@3` writes all of it as a page",
    ]


def test_what_was_not_measured_has_no_line() -> None:
    """A head of an earlier release tells no chance; one without calibration, rule or faults leaves these out."""
    assert "chance" not in _printed(replace(_METRICS, calibration_error_by_chance=None))
    bare = replace(_METRICS, calibration=None, unknown=None, classes=(_METRICS.classes[0],), untested_labels=())
    assert [line.split()[0] for line in summary(replace(_VERSION, metrics=bare))] == ["pets", "more"]


def test_a_head_without_verdicts_says_why() -> None:
    """Nobody is left to wonder why answers have none."""
    without = UnknownMetrics(False, 0.0, 0, None, None, 0, 0, 0, 0)
    assert "verdicts     none: too few pictures" in _printed(replace(_METRICS, unknown=without))


def test_many_untested_labels_are_counted() -> None:
    """Five are named."""
    labels = tuple(f"l{n}" for n in range(9))
    assert "l0, l1, l2, l3, l4 and 4 more: without" in _printed(replace(_METRICS, untested_labels=labels))
