"""What vectors and previews tell: copies, copies across the split, likely wrong labels, strangers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from trainer.diagnosis.copies import find_copies
from trainer.diagnosis.findings import Finding, Kind
from trainer.diagnosis.mislabelled import find_mislabelled
from trainer.diagnosis.outliers import FAR, strangeness
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.diagnosis.copies import Copies
    from trainer.diagnosis.findings import Picture
    from trainer.diagnosis.thumbnails import ByteArray
    from trainer.fitting.batches import FloatArray, RowArray

    Report = Callable[[Progress], None]


def vector_findings(
    pictures: Sequence[Sequence[Picture]], vectors: FloatArray, thumbnails: ByteArray, report: Report
) -> tuple[dict[Kind, list[Finding]], int, int]:
    """Return the findings, how many groups of copies there are, and how many labels were judged.

    Args:
        pictures: n; each under one label, or under several.
        vectors: float32[n, d], non-negative; they are worked on in place, and are their square roots afterwards.
        thumbnails: uint8[n, 1024] of `read_thumbnails`.
        report: told how far it is; what it raises ends the work.
    """
    copies = find_copies(vectors, thumbnails, _steps(report, Phase.PAIRING))
    near, groups = _near_duplicates(pictures, copies)
    found = {
        Kind.NEAR_DUPLICATE: near,
        Kind.SPLIT_LEAK: [each for each in near if each.pictures[0].part is not each.pictures[1].part],
    }
    np.sqrt(np.maximum(vectors, 0, out=vectors), out=vectors)
    labels = sorted({each[0].label for each in pictures if len(each) == 1})
    places = {label: place for place, label in enumerate(labels)}
    own = np.array([places[each[0].label] if len(each) == 1 else -1 for each in pictures], np.int32)
    suspects = find_mislabelled(vectors, own, copies.first_rows, _steps(report, Phase.JUDGING))
    found[Kind.MISLABELLED] = [
        Finding((pictures[row][0],), labels[likely], float(wrong))
        for row, likely, wrong in zip(suspects.rows, suspects.likely, suspects.wrong, strict=True)
    ]
    found[Kind.OUTLIER] = _outliers(pictures, vectors, report)
    return found, groups, suspects.judged


def _near_duplicates(pictures: Sequence[Sequence[Picture]], copies: Copies) -> tuple[list[Finding], int]:
    """Return a finding for each pair, group by group, and the number of groups."""
    sizes = Counter(copies.first_rows.tolist())
    numbers: dict[int, int] = {}
    found = []
    for (left, right), score, by_vectors in zip(copies.rows, copies.scores, copies.by_vectors, strict=True):
        first = int(copies.first_rows[left])
        number = numbers.setdefault(first, len(numbers) + 1)
        pair = (pictures[left][0], pictures[right][0])
        found.append(Finding(pair, score=float(score), group=number, count=sizes[first], by_vectors=bool(by_vectors)))
    return sorted(found, key=lambda each: each.group), len(numbers)


def _outliers(pictures: Sequence[Sequence[Picture]], vectors: FloatArray, report: Report) -> list[Finding]:
    strange = strangeness(vectors, _steps(report, Phase.PAIRING))
    rows: RowArray = np.flatnonzero(strange >= FAR).astype(np.int32)
    return [Finding((pictures[row][0],), score=float(strange[row])) for row in rows[np.argsort(-strange[rows])]]


def _steps(report: Report, phase: Phase) -> Callable[[int, int], None]:
    return lambda done, total: report(Progress(phase, done, total))
