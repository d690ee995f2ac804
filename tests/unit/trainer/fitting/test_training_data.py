"""The rows that a head is fitted to: pictures as they are, and views of the training ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import FailedPreconditionError
from trainer.datasets.snapshots import Snapshot
from trainer.datasets.split import Part
from trainer.fitting.fit import TrainingData
from trainer.fitting.training_data import training_data
from trainer.recipes import LdaRecipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.fitting.batches import FloatArray


class FakeFeatures:
    """Vectors that name their picture, view and seed."""

    def __init__(self, digests: Sequence[bytes], absent: set[tuple[bytes, int]]) -> None:
        self._places = {digest: place for place, digest in enumerate(digests)}
        self._absent = absent

    def fingerprint(self) -> bytes:
        """Return what nobody looks at."""
        return b"f" * 16

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return (place, view, seed) of each that is not absent."""
        found = [each for each in digests if (each, view) not in self._absent]
        rows = [[self._places[each], view, view_seed] for each in found]
        return np.array(rows, np.float32).reshape(-1, 3), [each for each in digests if (each, view) in self._absent]


@pytest.fixture
def snapshot() -> Snapshot:
    """Return ten examples of two labels: seven to train on, one to validate, two to test; the last has two labels."""
    pictures = [hashlib.sha256(b"%d" % number).digest() for number in range(9)]
    digests = (*pictures, pictures[-1])
    rows = np.arange(10, dtype=np.int32)
    parts = {Part.TRAINING: rows[3:], Part.VALIDATION: rows[:1], Part.TEST: rows[1:3]}
    return Snapshot(digests, ("a", "b"), (rows % 2).astype(np.int32), parts, b"s" * 32)


def _vectors() -> FloatArray:
    return np.array([[min(row, 8), 0, 0] for row in range(10)], np.float32)


def test_without_views_nothing_is_added(snapshot: Snapshot) -> None:
    """The rows are the pictures', untouched, and no look-up is made."""
    vectors = _vectors()
    data = training_data(LdaRecipe(), snapshot, vectors, FakeFeatures((), set()), lambda _: None)
    assert data.vectors is vectors
    assert data.origins is None
    assert (data.training == snapshot.parts[Part.TRAINING]).all()


def test_views_are_rows_of_the_training_part_alone(snapshot: Snapshot) -> None:
    """Each view of each training picture is a row under the picture's label that says whose it is."""
    features = FakeFeatures(snapshot.digests[:9], set())
    data = training_data(LdaRecipe(views=2, view_seed=5), snapshot, _vectors(), features, lambda _: None)
    assert data.origins is not None
    assert data.vectors.shape == (10 + 2 * 7, 3)
    assert (data.vectors[:, 0] == np.minimum(data.origins, 8)).all()
    assert (data.labels == data.origins % 2).all()
    assert data.vectors[10:, 1].tolist() == [1] * 7 + [2] * 7
    assert set(data.vectors[10:, 2]) == {5}
    assert sorted(data.training) == [*range(3, 24)]
    assert data.validation.tolist() == [0]
    assert set(data.origins[data.training]) == set(range(3, 10))


def test_missing_views_are_named_with_what_to_do(snapshot: Snapshot) -> None:
    """A view that is not cached is refused with the command that makes it; other parts' views are never missed."""
    absent = {(snapshot.digests[4], 2), (snapshot.digests[4], 1), (snapshot.digests[0], 1)}
    features = FakeFeatures(snapshot.digests[:9], absent)
    with pytest.raises(FailedPreconditionError, match="--views 2 --view-seed 7") as caught:
        training_data(LdaRecipe(views=2, view_seed=7), snapshot, _vectors(), features, lambda _: None)
    assert caught.value.reason == "FEATURES_MISSING"
    assert caught.value.metadata == {"missing": "1"}
    assert snapshot.digests[4].hex() in caught.value.message


def test_some_rows_alone_are_data_of_their_own() -> None:
    """Their vectors and labels in the order given, training first, numbered anew; views are left."""
    vectors, labels = np.arange(12, dtype=np.float32).reshape(6, 2), np.array([0, 1, 2, 0, 1, 0], np.int32)
    rows = np.arange(6, dtype=np.int32)
    data = TrainingData(vectors, labels, rows[:5], rows[5:], 3, origins=np.array([0, 1, 2, 3, 4, 0], np.int32))
    part = data.only(rows[[4, 1]], rows[[3]])
    assert part.vectors.tolist() == vectors[[4, 1, 3]].tolist()
    assert part.labels.tolist() == [1, 1, 0]
    assert (part.training.tolist(), part.validation.tolist()) == ([0, 1], [2])
    assert (part.training.dtype, part.validation.dtype) == (np.int32, np.int32)
    assert (part.classes, part.origins) == (3, None)
