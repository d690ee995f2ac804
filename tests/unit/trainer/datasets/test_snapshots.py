"""Snapshots of a dataset, and when it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graft.errors import FailedPreconditionError
from trainer.catalog.examples import LabelCount
from trainer.datasets.snapshots import check_trainable, take_snapshot
from trainer.datasets.split import Part

if TYPE_CHECKING:
    from trainer.catalog.examples import ExampleStore


def test_same_examples_same_digest(examples: ExampleStore, faces: str) -> None:
    """Order, source names and times do not change the snapshot; a label or a part does."""
    all_examples = examples.all_examples(faces)
    snapshot = take_snapshot(all_examples)
    moved = [replace(each, source_name="elsewhere", added_ms=7) for each in reversed(all_examples)]
    assert take_snapshot(moved).sha256 == snapshot.sha256
    assert take_snapshot([replace(all_examples[0], label="x"), *all_examples[1:]]).sha256 != snapshot.sha256
    other = Part.TEST if all_examples[0].part is not Part.TEST else Part.TRAINING
    assert take_snapshot([replace(all_examples[0], part=other), *all_examples[1:]]).sha256 != snapshot.sha256


def test_digest_is_as_documented(examples: ExampleStore, faces: str) -> None:
    """The digest of one example is SHA-256 over its digest, label length, label, part and a zero byte."""
    one = replace(examples.all_examples(faces)[0], label="č", part=Part.TEST)
    expected = hashlib.sha256(one.digest + b"\0\0\0\2" + "č".encode() + b"test\0").digest()
    assert take_snapshot([one]).sha256 == expected


def test_rows_tell_labels_and_parts(examples: ExampleStore, faces: str) -> None:
    """Each row's label and part are its example's."""
    snapshot = take_snapshot(examples.all_examples(faces))
    by_digest = {each.digest: each for each in examples.all_examples(faces)}
    for part, rows in snapshot.parts.items():
        for row in rows:
            example = by_digest[snapshot.digests[row]]
            assert example.part is part
            assert example.label == snapshot.labels[snapshot.label_rows[row]]
    assert sum(len(rows) for rows in snapshot.parts.values()) == 80


def test_what_is_missing_is_listed() -> None:
    """A dataset without validation pictures and a class without training pictures is refused, naming both."""
    counts = [LabelCount("a", 5, 0, 1), LabelCount("b", 0, 0, 1)]
    with pytest.raises(FailedPreconditionError) as caught:
        check_trainable("faces", counts)
    assert caught.value.reason == "DATASET_NOT_TRAINABLE"
    assert [violation.subject for violation in caught.value.violations] == ["validation", "b"]


def test_an_empty_dataset_is_refused() -> None:
    """Without examples every part is named."""
    with pytest.raises(FailedPreconditionError) as caught:
        check_trainable("faces", [])
    assert [violation.subject for violation in caught.value.violations] == ["faces", "training", "validation", "test"]


def test_a_class_without_test_pictures_is_fine() -> None:
    """Only training examples are asked of each class."""
    check_trainable("faces", [LabelCount("a", 1, 1, 1), LabelCount("b", 1, 0, 0)])
