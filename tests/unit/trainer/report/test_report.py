"""Reports: what is gathered, what is shown, and what happens where something is missing."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.errors import NotFoundError, UnavailableError
from trainer.datasets.split import Part
from trainer.diagnosis.findings import Diagnosis, Finding, FindingList, Kind, Picture
from trainer.evaluation.assessment import Pictures, assess
from trainer.fitting.fit import FittedHead
from trainer.registry import heads
from trainer.report.contents import MISTAKES, Reports
from trainer.report.page import report_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.jobs.progress import Progress

LABELS = ["<b>rose", "tulip & co", "lily", "daisy"]
EACH = 30
HISTORY = [
    {"phase": "fitting", "step": step, "loss": 1 / step, "validation_loss": 2 / step, "validation_accuracy": 0.5}
    for step in (1, 2, 3)
]


def digest(number: int) -> bytes:
    """Of a picture."""
    return hashlib.sha256(b"%d" % number).digest()


@pytest.fixture(scope="module")
def files() -> SimpleNamespace:
    """Manifest and evaluation.json of a head that errs now and then, as a training job makes them."""
    rng = np.random.default_rng(0)
    labels = np.arange(4 * EACH) % 4
    vectors = (np.eye(4)[labels] * 2 + rng.normal(0, 0.8, (4 * EACH, 4))).astype(np.float32)
    layer = heads.Layer(np.eye(4, dtype=np.float32), np.zeros(4, np.float32), "linear")
    network = heads.Network(np.zeros(4, np.float32), np.ones(4, np.float32), (layer,))
    rows = np.arange(4 * EACH)
    test = (rows % 3 == 0) & (labels != 3)  # the last class has no test picture
    digests = [digest(number) for number in rows]
    assessed = assess(
        network,
        Pictures(vectors, labels, digests, rows[~test], rows[test], 4),
        lambda *_: FittedHead(network, 1, 1, "done", ()),
        HISTORY,
        folds=2,
        false_accept_rate=0.05,
        seed=0,
        look=lambda: None,
    )
    manifest = {
        "classifier": "flowers",
        "version": 3,
        "labels": LABELS,
        "fingerprint": "ab" * 16,
        "recipe": {"kind": "auto", "seed": 0},
        "dataset": {"name": "garden", "snapshot_sha256": "cd" * 32, "training": 70, "validation": 10, "test": 30},
        "training": {"steps": 3, "epochs": 1, "stop_reason": "did the recipe's 3 steps"},
        "created_ms": 1_790_000_000_000,
        "code_version": "0.1.0",
        "search": {
            "chosen": {"kind": "average", "members": [{"kind": "lda"}, {"kind": "mlp"}]},
            "trials": [
                {"recipe": {"kind": kind, "dropout": 0.5}, "folds": 5, "accuracy": 0.5, "log_loss": 1.0, "seconds": 0.1}
                for kind in ("lda", "mlp")
            ],
            "cut": [],
            "pictures": 80,
            "folds": 5,
            "seconds": 1.5,
        },
        **assessed.facts,
    }
    return SimpleNamespace(manifest=manifest, evaluation=assessed.findings)


class FakeRegistry:
    """One version."""

    def __init__(self, files: Any, *, evaluated: bool = True) -> None:
        self._files, self._evaluated = files, evaluated

    def read_head(self, classifier: str, version: int) -> Any:
        """Return its files."""
        if (classifier, version) != ("flowers", 3):
            raise NotFoundError("version", f"{classifier}@{version}")
        return SimpleNamespace(manifest=json.dumps(self._files.manifest).encode(), tensors=b"")

    def read_evaluation(self, classifier: str, version: int) -> bytes:
        """Return evaluation.json."""
        assert (classifier, version) == ("flowers", 3)
        return self._files.evaluation if self._evaluated else b""


class FakeExaminer:
    """Finds one suspect; has a preview of all but it; fails on demand."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[bytes] = []

    def examine(self, dataset: str, max_findings: int, report: Callable[[Progress], None]) -> Diagnosis:
        """Name it."""
        if self.error is not None:
            raise self.error
        suspect = Finding((Picture(b"s" * 32, LABELS[0], "a/<script>.jpg", Part.TRAINING),), LABELS[1], 0.9)
        lists = (FindingList(Kind.MISLABELLED, 1, (suspect,)), FindingList(Kind.OUTLIER, 0, ()))
        return Diagnosis(dataset, 110, 110, 110, 110, 0, lists)

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return some bytes for each."""
        if isinstance(self.error, UnavailableError):
            raise self.error
        self.asked += digests
        return [b"" if each == b"s" * 32 else b"jpeg of " + each for each in digests]


def gathered(files: Any, examiner: FakeExaminer, **registry: Any) -> Any:
    """What the report tells."""
    reports = Reports(FakeRegistry(files, **registry), examiner)  # type: ignore[arg-type]
    return reports.gather("flowers", 3, lambda _: None)


def test_a_report_shows_what_there_is(files: Any) -> None:
    """Figures, charts, previews of the worst mistakes, the search, the suspect; everything escaped and inside."""
    examiner = FakeExaminer()
    page = report_page(gathered(files, examiner)).decode()
    mistakes = json.loads(files.evaluation)["test"]["mistakes"]
    assert 0 < len(mistakes) <= MISTAKES
    assert page.count("data:image/jpeg;base64,") == len(mistakes)
    assert page.count("<svg") == 5  # losses, accuracy, confusion, reliability, precision and recall
    assert "&lt;b&gt;rose" in page
    assert "<b>rose" not in page
    assert "<script" not in page
    assert "rather tulip &amp; co" in page
    assert "no preview" in page
    assert "Nothing is known about daisy" in page
    assert "--like flowers@3" in page
    assert "lda" in page


def test_the_calibration_error_stands_beside_the_one_by_chance(files: Any) -> None:
    """The report tells how far right probabilities would be off; a head of an earlier release, which lacks it, not."""
    test = files.manifest["metrics"]["test"]
    by_chance = test["calibration_error_by_chance"]
    assert by_chance > 0
    page = report_page(gathered(files, FakeExaminer())).decode()
    shown = f"{100 * by_chance:.1f}\N{NO-BREAK SPACE}%"
    assert f"; {test['examples']} pictures give {shown} by chance alone" in page
    assert f"even probabilities that are all right are off by {shown}" in page

    earlier = {name: value for name, value in test.items() if name != "calibration_error_by_chance"}
    manifest = {**files.manifest, "metrics": {**files.manifest["metrics"], "test": earlier}}
    page = report_page(
        gathered(SimpleNamespace(manifest=manifest, evaluation=files.evaluation), FakeExaminer())
    ).decode()
    assert "by chance" not in page
    assert "the calibration error from" in page


def test_confusions_are_counted_both_ways(files: Any) -> None:
    """The matrix holds every test picture, the list the wrong ones, the most frequent first."""
    contents = gathered(files, FakeExaminer())
    test = files.manifest["metrics"]["test"]
    assert sum(map(sum, contents.matrix)) == test["examples"]
    assert sum(contents.matrix[place][place] for place in range(4)) == test["correct"]
    counts = [each.count for each in contents.confusions]
    assert sum(counts) == test["examples"] - test["correct"]
    assert counts == sorted(counts, reverse=True)
    assert contents.untested == ("daisy",)


def test_a_dataset_that_is_deleted_is_said_to_be(files: Any) -> None:
    """The rest is there."""
    examiner = FakeExaminer()
    examiner.error = NotFoundError("dataset", "garden")
    contents = gathered(files, examiner)
    assert contents.diagnosis is None
    assert "garden is deleted" in contents.notes[0]
    assert contents.previews
    assert "garden is deleted" in report_page(contents).decode()


def test_without_the_extractor_there_are_no_previews_and_a_note(files: Any) -> None:
    """Figures and charts need none."""
    examiner = FakeExaminer()
    examiner.error = UnavailableError("the extractor is away", reason="EXTRACTOR_UNAVAILABLE")
    contents = gathered(files, examiner)
    assert len(contents.notes) == 2
    page = report_page(contents).decode()
    assert page.count("<svg") == 5
    assert "data:image/jpeg" not in page


def test_a_version_without_its_evaluation_has_the_short_figures(files: Any) -> None:
    """No curve, no mistakes; the matrix is in the manifest."""
    page = report_page(gathered(files, FakeExaminer(), evaluated=False)).decode()
    assert page.count("<svg") == 1
    assert "Worst mistakes" not in page


def test_an_unknown_version_is_an_error(files: Any) -> None:
    """As the registry says."""
    with pytest.raises(NotFoundError):
        Reports(FakeRegistry(files), FakeExaminer()).gather("flowers", 4, lambda _: None)  # type: ignore[arg-type]
