"""The examples that a search works on: which rows are fitted to and which are held out in each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.fitting.class_weights import class_weights
from trainer.search.folds import fold_numbers, sample

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.fit import TrainingData

MOST = 10_000
"""Pictures that a search looks at; of more it takes a sample, each class by its share."""

ENOUGH_HELD_OUT = 1_000
"""Held-out pictures that tell candidates apart: one fold with as many stands for all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchExamples:
    """Vectors, their labels, and the fold of each picture.

    Attributes:
        vectors: float32[n, d], views included.
        labels: int32[n].
        classes: number of labels.
        fold: int32[n], the fold of the picture that a row is of, or a view of.
        plain: int32[p], the rows that are pictures themselves and not views: what is held out.
        folds: how many folds are looked at, of `cut`.
        cut: into how many folds the pictures are cut.
        counted: float32[n], what each row counts in a score.
    """

    vectors: FloatArray
    labels: RowArray
    classes: int
    fold: RowArray
    plain: RowArray
    folds: int
    cut: int
    counted: FloatArray

    def fitted(self, fold: int) -> RowArray:
        """Return the rows to fit to when this fold is held out: views of held-out pictures are left out too."""
        return np.flatnonzero(self.fold != fold).astype(np.int32)

    def held_out(self, fold: int) -> RowArray:
        """Return the pictures of this fold."""
        return np.asarray(self.plain[self.fold[self.plain] == fold], np.int32)


def search_examples(data: TrainingData, folds: int, kind: str, seed: int) -> SearchExamples:
    """Return the training and validation parts together, cut into folds, or a sample of them.

    Args:
        data: what the head will be fitted to.
        folds: 2 or more.
        kind: of the class weights.
        seed: of the cut and of the sample.
    """
    rows = np.concatenate([data.training, data.validation])
    origins = rows if data.origins is None else data.origins[rows]
    pictures = rows[origins == rows]
    chosen = pictures[sample(data.labels[pictures], MOST, seed)]
    kept = rows[np.isin(origins, chosen)]
    numbers = np.zeros(len(data.labels), np.int32)
    numbers[chosen] = fold_numbers(data.labels[chosen], folds, seed)
    of = kept if data.origins is None else data.origins[kept]
    labels = data.labels[kept]
    weights = class_weights(kind, data.labels, chosen, data.classes)
    enough = len(chosen) // folds >= ENOUGH_HELD_OUT
    vectors = data.vectors if np.array_equal(kept, np.arange(len(data.vectors))) else data.vectors[kept]
    return SearchExamples(
        vectors,
        labels,
        data.classes,
        numbers[of],
        np.flatnonzero(of == kept).astype(np.int32),
        1 if enough else folds,
        folds,
        np.ones(len(labels), np.float32) if weights is None else weights[labels],
    )
