"""What a report tells, gathered from the version's files, the dataset as it is now, and the extractor's previews."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from graft.errors import NotFoundError, UnavailableError
from trainer.evaluation.counts import untested_labels
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.diagnosis.findings import Diagnosis
    from trainer.registry.registry import Registry

MISTAKES: Final = 24
FINDINGS: Final = 6
_CONFUSIONS: Final = 20


class Examiner(Protocol):
    """Whoever diagnoses datasets and has previews; `trainer.diagnosis.doctor.Doctor` is one."""

    def examine(self, dataset: str, max_findings: int, report: Callable[[Progress], None]) -> Diagnosis:
        """Diagnose a dataset."""
        ...

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the JPEG of each digest, empty for one that has none."""
        ...


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often one label was taken for another."""

    truth: str
    answer: str
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Everything on the page.

    Attributes:
        manifest: the head's.
        evaluation: content of evaluation.json; empty if the version has none.
        created: when it was trained, UTC.
        confusions: the most frequent ones.
        matrix: counts of true labels (rows) and answers (columns).
        untested: labels without a test picture.
        diagnosis: of the dataset as it is now; None if it is gone or could not be examined.
        previews: JPEGs by digest in hexadecimal, of the mistakes and of what the diagnosis names.
        notes: what could not be shown, and why.
    """

    manifest: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    created: datetime
    confusions: tuple[Confusion, ...]
    matrix: tuple[tuple[int, ...], ...]
    untested: tuple[str, ...]
    diagnosis: Diagnosis | None
    previews: Mapping[str, bytes]
    notes: tuple[str, ...]


class Reports:
    """Gathers reports, in a thread other than the event loop's.

    Args:
        registry: has the versions.
        examiner: has the dataset's faults and the previews; a report is made without it while the extractor is away.
    """

    def __init__(self, registry: Registry, examiner: Examiner) -> None:
        self._registry, self._examiner = registry, examiner

    def gather(self, classifier: str, version: int, report: Callable[[Progress], None]) -> Contents:
        """Return what the report of a version tells; `report` is told how far it is and may raise to end it.

        Raises:
            NotFoundError: VERSION_NOT_FOUND.
            DataLossError: HEAD_DAMAGED.
        """
        report(Progress(Phase.LOADING))
        manifest = json.loads(self._registry.read_head(classifier, version).manifest)
        findings = self._registry.read_evaluation(classifier, version)
        evaluation = json.loads(findings) if findings else {}
        notes: list[str] = []
        diagnosis = self._diagnosis(manifest["dataset"]["name"], report, notes)
        wanted = [each["digest"] for each in evaluation.get("test", {}).get("mistakes", ())[:MISTAKES]]
        wanted += [digest.hex() for digest in _named(diagnosis)]
        previews = self._previews(list(dict.fromkeys(wanted)), notes)
        test, labels = manifest["metrics"]["test"], manifest["labels"]
        return Contents(
            manifest,
            evaluation,
            datetime.fromtimestamp(manifest["created_ms"] / 1000, UTC),
            _confusions(test["confusion"], labels),
            _matrix(test["confusion"], len(labels)),
            untested_labels(labels, test["classes"]),
            diagnosis,
            previews,
            tuple(notes),
        )

    def _diagnosis(self, dataset: str, report: Callable[[Progress], None], notes: list[str]) -> Diagnosis | None:
        try:
            return self._examiner.examine(dataset, FINDINGS, report)
        except NotFoundError:
            notes.append(f"The dataset {dataset} is deleted, so it could not be examined.")
        except UnavailableError as error:
            notes.append(f"The dataset could not be examined: {error.message}.")
        return None

    def _previews(self, digests: Sequence[str], notes: list[str]) -> dict[str, bytes]:
        try:
            found = self._examiner.previews([bytes.fromhex(digest) for digest in digests])
        except UnavailableError as error:
            notes.append(f"There are no previews: {error.message}.")
            return {}
        return {digest: jpeg for digest, jpeg in zip(digests, found, strict=True) if jpeg}


def _named(diagnosis: Diagnosis | None) -> list[bytes]:
    if diagnosis is None:
        return []
    return [
        picture.digest
        for each in diagnosis.lists
        for finding in each.findings[:FINDINGS]
        for picture in finding.pictures
    ]


def _confusions(cells: Sequence[Sequence[int]], labels: Sequence[str]) -> tuple[Confusion, ...]:
    wrong = sorted(((count, truth, answer) for truth, answer, count in cells if truth != answer), reverse=True)
    return tuple(Confusion(labels[truth], labels[answer], count) for count, truth, answer in wrong[:_CONFUSIONS])


def _matrix(cells: Sequence[Sequence[int]], labels: int) -> tuple[tuple[int, ...], ...]:
    rows = [[0] * labels for _ in range(labels)]
    for truth, answer, count in cells:
        rows[truth][answer] = count
    return tuple(tuple(row) for row in rows)
