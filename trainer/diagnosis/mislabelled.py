"""Likely mislabelled pictures: those whose neighbours in feature space say another label, and say it surely.

Shrinkage discriminants judge each picture out of fold; `label_noise` tells how far to believe them, and which shrinkage
explains the labels best. Leaving out what looks wrong and judging again was tried: it finds no more, and is surer of
what it says wrongly. Measured in `docs/doctor.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.label_noise import estimate_noise
from trainer.diagnosis.out_of_fold import draw_folds, out_of_fold_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.diagnosis.label_noise import LabelNoise
    from trainer.fitting.batches import FloatArray, RowArray

SUSPECT: Final = 0.5
"""Probability of being wrong from which a label is a suspect."""

MIN_CLASS: Final = 4
"""Pictures of a class from which its labels are judged: with fewer nothing can be learned about it."""

_MIN_CLASSES: Final = 2
_DRAWS: Final = 2  # of the folds; their scores are averaged
_SHRINKAGES: Final = (0.1, 0.3, 0.6, 0.8)


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Pictures whose label is likely wrong, the surest first.

    Attributes:
        rows: int32[k].
        likely: int32[k], the label that each more likely has.
        wrong: float64[k], probability that its label is wrong, 0 to 1.
        judged: pictures whose label was judged.
    """

    rows: RowArray
    likely: RowArray
    wrong: NDArray[np.float64]
    judged: int


def find_mislabelled(
    vectors: FloatArray,
    labels: RowArray,
    groups: RowArray,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Suspects:
    """Return the pictures whose label is likely wrong; those of classes with fewer than four are not judged.

    Args:
        vectors: float32[n, d], non-negative.
        labels: int32[n].
        groups: int32[n], equal for near duplicates.
        report: told how many of how many draws are done; what it raises ends the work.
    """
    rows = np.flatnonzero(np.bincount(labels)[labels] >= MIN_CLASS) if len(labels) else np.empty(0, np.intp)
    known, own = np.unique(labels[rows], return_inverse=True)
    if len(known) < _MIN_CLASSES:
        empty = np.empty(0, np.int32)
        return Suspects(empty, empty, np.empty(0), 0)
    # The square root evens out the few strong responses of a non-negative vector.
    even = vectors[rows]
    np.sqrt(np.maximum(even, 0, out=even), out=even)
    noise = _judge(even, own.astype(np.int32), groups[rows], report)
    found = np.flatnonzero(noise.wrong >= SUSPECT)
    found = found[np.argsort(-noise.wrong[found], kind="stable")]
    return Suspects(
        rows[found].astype(np.int32), known[noise.likely[found]].astype(np.int32), noise.wrong[found], len(rows)
    )


def _judge(vectors: FloatArray, labels: RowArray, groups: RowArray, report: Callable[[int, int], None]) -> LabelNoise:
    drawn = []
    for draw in range(_DRAWS):

        def look(done: int = draw) -> None:
            report(done, _DRAWS)

        folds = draw_folds(labels, groups, draw)
        drawn.append(out_of_fold_scores(vectors, labels, folds, _SHRINKAGES, look))
    report(_DRAWS, _DRAWS)
    tried = [estimate_noise(sum(scores) / np.float32(_DRAWS), labels) for scores in zip(*drawn, strict=True)]
    return max(tried, key=lambda each: each.log_likelihood)
