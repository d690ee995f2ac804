"""Folds that every method of a comparison shares: each picture is tested once, near duplicates are in one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import FailedPreconditionError, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.fitting.batches import RowArray

_VALIDATION_SHARE: Final = 0.125
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold: int32 rows, disjoint, together all of them.

    Attributes:
        training: rows to fit on.
        validation: rows that tell a recipe when to stop; the others fit on these, too.
        test: rows to test on.
    """

    training: RowArray
    validation: RowArray
    test: RowArray


def check_enough(dataset: str, labels: Sequence[str], label_rows: RowArray, folds: int) -> None:
    """Refuse a dataset that cannot be cut into so many folds.

    Raises:
        FailedPreconditionError: TOO_FEW_PICTURES, with a violation for each class of fewer pictures than folds.
    """
    counts = np.bincount(label_rows, minlength=len(labels))
    short = [(label, int(count)) for label, count in zip(labels, counts, strict=True) if count < folds]
    if short:
        named = ", ".join(f"{label!r} has {count}" for label, count in short[:_MOST_NAMED])
        raise FailedPreconditionError(
            f"dataset {dataset!r} cannot be cut into {folds} folds: each class needs a picture for each, but {named}"
            f"{', …' if len(short) > _MOST_NAMED else ''}; import more, or ask for fewer folds",
            reason="TOO_FEW_PICTURES",
            violations=tuple(Violation(label, f"has {count} pictures") for label, count in short),
        )


def stratified_folds(label_rows: RowArray, groups: RowArray, folds: int, seed: int) -> Iterator[Fold]:
    """Yield the folds, each class spread evenly as far as the groups allow.

    Args:
        label_rows: int32[n], the class of each row.
        groups: int32[n]; rows of one group are in the same fold.
        folds: how many, 2 or more.
        seed: of the shuffling.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for number, (rest, test) in enumerate(cut.split(label_rows, label_rows, groups)):
        rng = np.random.default_rng([seed, number])
        validation = np.concatenate([_held_out(rng, rest[label_rows[rest] == label]) for label in set(label_rows)])
        training = np.setdiff1d(rest, validation)
        yield Fold(training.astype(np.int32), np.sort(validation).astype(np.int32), test.astype(np.int32))


def _held_out(rng: np.random.Generator, rows: RowArray) -> RowArray:
    """An eighth of a class's rows, one at least where there are two."""
    count = max(1, round(_VALIDATION_SHARE * len(rows))) if len(rows) > 1 else 0
    return rng.permutation(rows)[:count]
