"""Splits in which some classes are known and the others unknown, for benchmarks/evaluation.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.graft_heads import split
from bench.shared_folds import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Labels = NDArray[np.int32]
    Rows = NDArray[np.int64]

_FOLDS = 5  # so the test part is a fifth, as in a dataset of Graft


@dataclass(frozen=True, slots=True, eq=False)
class OpenSet:
    """What one job sees, and what it never sees.

    Attributes:
        known: int64[k], the classes it is trained on, in order; class known[i] has index i in its head.
        training: int32[t], rows to train on.
        validation: int32[v], rows that tell when to stop.
        test: int64[e], rows of known classes held out.
        unknown: int64[u], all rows of the other classes.
    """

    known: Rows
    training: Labels
    validation: Labels
    test: Rows
    unknown: Rows


def whole(labels: Labels, repeat: int) -> OpenSet:
    """Return a random split, stratified, in which every class is known; each `repeat` has another."""
    return _of(labels, np.unique(labels), cut(labels, repeat + 1, _FOLDS)[-_FOLDS].training, repeat)


def without_each(labels: Labels, repeat: int, most: int) -> list[OpenSet]:
    """Return for each class a split in which it alone is unknown; of more than `most`, as many spread evenly."""
    classes, training = np.unique(labels), cut(labels, repeat + 1, _FOLDS)[-_FOLDS].training
    chosen = classes[np.unique(np.linspace(0, len(classes) - 1, min(len(classes), most)).astype(np.int64))]
    return [
        _of(labels, np.setdiff1d(classes, [label]), training[labels[training] != label], repeat) for label in chosen
    ]


def few(labels: Labels, classes: int, each: int, draw: int) -> OpenSet:
    """Return a split that knows `classes` classes drawn at random, and has `each` pictures of each to learn from.

    A class with fewer than 5/4 of them keeps a fifth for the test. `draw` is the seed.
    """
    rng = np.random.default_rng(draw)
    known = np.sort(rng.permutation(np.unique(labels))[:classes])
    learnt = []
    for label in known:
        members = rng.permutation(np.flatnonzero(labels == label))
        learnt.append(members[: min(each, len(members) - max(1, len(members) // _FOLDS))])
    return _of(labels, known, np.sort(np.concatenate(learnt)), draw)


def renumbered(labels: Labels, known: Rows) -> Labels:
    """Return int32[n]: the index of each label among the known ones, -1 for the others."""
    found = np.full(int(labels.max()) + 1, -1, np.int32)
    found[known] = np.arange(len(known))
    return found[labels]


def _of(labels: Labels, known: Rows, learnt: Sequence[int] | Rows, seed: int) -> OpenSet:
    learnt = np.asarray(learnt)
    training, validation = split(labels, learnt, seed)
    inside = np.isin(labels, known)
    test = np.setdiff1d(np.flatnonzero(inside), learnt)
    return OpenSet(known, training, validation, test, np.flatnonzero(~inside))
