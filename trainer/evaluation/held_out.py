"""Logits of pictures by heads that were not trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from trainer.evaluation.arrays import Floats, Labels, Vectors
    from trainer.fitting.fit import FittedHead

    FitRows = Callable[[npt.NDArray[np.int32], npt.NDArray[np.int32]], FittedHead]
    """Fits a head to (training rows, validation rows)."""

HALVES, FIFTHS = 2, 5

MOST_ROWS = 6_000
"""Pictures taken for this; of more, a sample."""

ENOUGH = 1_000
"""Held-out pictures by which one number is found well enough: further folds are not looked at."""

_BY_STEPS = ("mlp", "softmax", "seed")

_VALIDATION_SHARE = 8  # one in so many of a fold's rows tells when to stop


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Out-of-fold logits.

    Attributes:
        truth: int64[h], labels of the pictures.
        logits: float32[h, classes], each row by a head that was not trained on it.
        folds: heads trained for it; 0 if there were too few pictures.
    """

    truth: npt.NDArray[np.int64]
    logits: Floats
    folds: int


def folds_of(kind: str) -> int:
    """Return into how many folds the pictures are cut to calibrate a head of this kind of recipe.

    A head made of gradient steps is as sure of itself on half of the pictures as on all, and each fit costs seconds.
    Discriminants, regressions and what `auto` makes of them are surer with few pictures than with all, and cost little.
    """
    return HALVES if kind in _BY_STEPS else FIFTHS


def held_out_logits(
    fit_rows: FitRows, vectors: Vectors, labels: Labels, rows: Labels, classes: int, seed: int, folds: int = HALVES
) -> HeldOut:
    """Fit heads to parts of `rows` and return their logits on the others.

    A class's only picture is trained on and never held out.

    Args:
        fit_rows: fits the same recipe as the head that is to be calibrated.
        vectors: float32[n, d].
        labels: int[n].
        rows: int[r], those of training and validation.
        classes: number of labels.
        seed: of the folds.
        folds: into how many the rows are cut, 2 or more; of more than MOST_ROWS at least 3.
    """
    drawn = np.random.default_rng(seed).permutation(rows)[:MOST_ROWS]
    chosen = drawn[np.argsort(labels[drawn], kind="stable")]  # by class, at random within
    its_class = labels[chosen]
    place = np.arange(len(chosen)) - np.searchsorted(its_class, its_class, "left")  # [r], among those of its class
    alone = np.bincount(its_class, minlength=classes)[its_class] == 1
    cut = folds if len(rows) <= MOST_ROWS else max(3, folds)
    turns = min(cut, -(-ENOUGH * cut // max(1, len(chosen))))
    found: list[tuple[Labels, Floats]] = []
    for turn in range(turns):
        held = ((place + its_class) % cut == turn) & ~alone  # a class's only picture is always trained on
        others = chosen[~held]
        validating = np.arange(len(others)) % _VALIDATION_SHARE == _VALIDATION_SHARE - 1
        validating &= np.concatenate([[False], np.diff(labels[others]) == 0])[: len(others)]  # as is its first
        if held.any() and validating.any():
            fitted = fit_rows(_sorted(others[~validating]), _sorted(others[validating]))
            found.append((its_class[held], heads.logits(fitted.network, vectors[chosen[held]])))
    if not found:
        return HeldOut(np.zeros(0, np.int64), np.zeros((0, classes), np.float32), 0)
    truth, logits = zip(*found, strict=True)
    return HeldOut(np.concatenate(truth).astype(np.int64), np.concatenate(logits), len(found))


def _sorted(rows: Labels) -> npt.NDArray[np.int32]:
    return np.sort(rows).astype(np.int32)
