"""A dataset as a job sees it: its examples at one moment, in a fixed order, with a digest of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import FailedPreconditionError, Violation
from trainer.catalog.examples_digest import digest_of
from trainer.datasets.split import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.catalog.examples import Example, LabelCount
    from trainer.fitting.batches import RowArray

_MIN_LABELS = 2  # telling apart takes two
_SHOWN_FINDINGS = 5  # in the message; all of them are in the violations


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The examples of a dataset, sorted by digest, then label.

    Attributes:
        digests: of the pictures, n of 32 bytes; one that has two labels comes twice.
        labels: the different labels, sorted by code point: the output order of a head.
        label_rows: int32[n], the place of each example's label in `labels`.
        parts: the rows of each part, int32.
        sha256: of the examples, by `digest_of`.
    """

    digests: tuple[bytes, ...]
    labels: tuple[str, ...]
    label_rows: RowArray
    parts: dict[Part, RowArray]
    sha256: bytes


def take_snapshot(examples: Iterable[Example]) -> Snapshot:
    """Return the snapshot of these examples; their order and their source names do not matter."""
    ordered = sorted(examples, key=lambda example: (example.digest, example.label))
    labels = tuple(sorted({example.label for example in ordered}))
    place = {label: index for index, label in enumerate(labels)}
    return Snapshot(
        tuple(example.digest for example in ordered),
        labels,
        np.array([place[example.label] for example in ordered], np.int32),
        {
            part: np.array([row for row, example in enumerate(ordered) if example.part is part], np.int32)
            for part in Part
        },
        digest_of((example.digest, example.label, example.part) for example in ordered),
    )


def check_trainable(dataset: str, counts: Sequence[LabelCount]) -> None:
    """Refuse a dataset that no classifier can be trained on.

    Raises:
        FailedPreconditionError: reason DATASET_NOT_TRAINABLE; a violation for each label without a training example,
            each empty part, and for fewer than two labels, which leave nothing to tell apart.
    """
    found: list[tuple[str, str]] = []
    if len(counts) < _MIN_LABELS:
        found.append((dataset, f"has {len(counts)} label(s); a classifier needs two or more"))
    sums = {
        Part.TRAINING: sum(count.training for count in counts),
        Part.VALIDATION: sum(count.validation for count in counts),
        Part.TEST: sum(count.test for count in counts),
    }
    found += [(part, f"the {part} part is empty") for part, examples in sums.items() if not examples]
    found += [(count.label, f"label {count.label!r} has no training example") for count in counts if not count.training]
    if found:
        shown = "; ".join(text for _, text in found[:_SHOWN_FINDINGS]) + ("; …" if len(found) > _SHOWN_FINDINGS else "")
        raise FailedPreconditionError(
            f"dataset {dataset!r} cannot be trained on: {shown}. Import more pictures: about 70 % of them are placed "
            "in training, 10 % in validation, 20 % in test, and copies of a picture in the part of the picture",
            reason="DATASET_NOT_TRAINABLE",
            violations=tuple(Violation(subject, text) for subject, text in found),
        )
