"""Likely mislabelled pictures: those whose neighbours in feature space say another label, and say it surely.

Three judges look at each picture without knowing it: discriminants and logistic regressions fitted out of fold, and its
nearest neighbours. `label_noise` tells how far to believe each of them, on these very pictures, and so how probable it
is that a label is wrong; the mean of the three counts. They err differently: where labels are few, what one is sure of
for no good reason the others doubt. Leaving out what looks wrong and judging again was tried: it finds no more, and is
surer of what it says wrongly. Measured in `docs/doctor.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.label_noise import estimate_noise
from trainer.diagnosis.neighbours import neighbour_scores
from trainer.diagnosis.out_of_fold import discriminant_scores, draw_folds, logistic_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.fitting.batches import FloatArray, RowArray

SUSPECT: Final = 0.37
"""Probability of being wrong from which a label is a suspect: one judge that is sure needs some doubt of another."""

MIN_CLASS: Final = 4
"""Pictures of a class from which its labels are judged: with fewer nothing can be learned about it."""

_MIN_CLASSES: Final = 2
MANY: Final = 5000
"""Pictures above which discriminants judge alone, once: what is drawn hardly matters then, and the others take long."""

_DRAWS: Final = 4  # of the folds, for the discriminants; their scores are averaged
_LOGISTIC_DRAWS: Final = 2  # these take longer
_SHRINKAGES: Final = (0.1, 0.3, 0.6, 0.8)
_L2: Final = 300.0  # strong: with a weak penalty it learns the wrong labels by heart


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
        vectors: float32[n, d], the square roots of what is cached, which evens out the few strong responses.
        labels: int32[n]; below 0 for one that is not judged.
        groups: int32[n], equal for near duplicates.
        report: told how many of how many draws are done; what it raises ends the work.
    """
    judged = labels >= 0
    judged[judged] = np.bincount(labels[judged])[labels[judged]] >= MIN_CLASS
    rows = np.flatnonzero(judged)
    known, own = np.unique(labels[rows], return_inverse=True)
    if len(known) < _MIN_CLASSES:
        empty = np.empty(0, np.int32)
        return Suspects(empty, empty, np.empty(0), 0)
    if len(rows) < len(vectors):
        vectors, groups = vectors[rows], groups[rows]
    wrong, likely = _judge(vectors, own.astype(np.int32), groups, report)
    found = np.flatnonzero(wrong >= SUSPECT)
    found = found[np.argsort(-wrong[found], kind="stable")]
    return Suspects(rows[found].astype(np.int32), known[likely[found]].astype(np.int32), wrong[found], len(rows))


def _judge(
    vectors: FloatArray, labels: RowArray, groups: RowArray, report: Callable[[int, int], None]
) -> tuple[NDArray[np.float64], RowArray]:
    """Return how probably each label is wrong, float64[n], and the likeliest other label, int32[n]."""
    many = len(labels) > MANY
    draws, further = (1, 0) if many else (_DRAWS, _LOGISTIC_DRAWS)
    steps = iter(range(draws + further + 1))
    done = 0

    def look() -> None:
        report(done, draws + further + 1)

    folds = [draw_folds(labels, groups, draw) for draw in range(draws)]
    by_discriminants = []
    for each in folds:
        done = next(steps)
        by_discriminants.append(discriminant_scores(vectors, labels, each, _SHRINKAGES, look))
    # One at a time: what each says of every picture and class is large.
    tried = (estimate_noise(np.mean(scores, axis=0), labels) for scores in zip(*by_discriminants, strict=True))
    judges = [max(tried, key=lambda each: each.log_likelihood)]
    by_logistic = []
    for each in folds[:further]:
        done = next(steps)
        by_logistic.append(logistic_scores(vectors, labels, each, _L2, look))
    if not many:
        done = next(steps)
        judges.append(estimate_noise(np.mean(by_logistic, axis=0), labels))
        judges.append(estimate_noise(neighbour_scores(vectors, labels, groups, look), labels))
    done = draws + further + 1
    look()
    others = np.sum([each.probabilities for each in judges], axis=0)
    others[np.arange(len(labels)), labels] = -1
    return np.mean([each.wrong for each in judges], axis=0), others.argmax(axis=1).astype(np.int32)
