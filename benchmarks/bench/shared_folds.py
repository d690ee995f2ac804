"""Folds that two sides share: cut once, written beside the vectors, and told back by each side as it saw them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold: the rows to train on, int64[t], and those to be tested on, int64[e]."""

    training: Rows
    test: Rows


def cut(labels: NDArray[np.int32], repeats: int, folds: int, per_class: int = 0) -> list[Fold]:
    """Return repeats x folds folds, stratified; with `per_class`, each repeat has other examples, so many a class."""
    found = []
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        numbers, kept, dealt = np.empty(len(labels), np.int64), [], 0
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            members = members[: per_class or None]
            numbers[members] = (dealt + np.arange(len(members))) % folds
            dealt += len(members)
            kept.append(members)
        rows = np.sort(np.concatenate(kept))
        found += [Fold(rows[numbers[rows] != each], rows[numbers[rows] == each]) for each in range(folds)]
    return found


def write(path: Path, vectors: NDArray[np.float32], labels: NDArray[np.int32], folds: list[Fold]) -> None:
    """Write what a side needs; `read_folds` of the sides reads it."""
    arrays = {f"{part}{at}": getattr(fold, part) for at, fold in enumerate(folds) for part in ("training", "test")}
    np.savez(path, vectors=vectors, labels=labels, count=len(folds), **arrays)


def digest(vectors: NDArray[np.float32], labels: NDArray[np.int32], folds: list[Fold]) -> str:
    """Return what both sides must say they saw: SHA-256 over vectors, labels and every fold's rows."""
    total = hashlib.sha256(np.ascontiguousarray(vectors).tobytes() + np.ascontiguousarray(labels).tobytes())
    for fold in folds:
        total.update(fold.training.astype("<i8").tobytes() + b"|" + fold.test.astype("<i8").tobytes())
    return total.hexdigest()
