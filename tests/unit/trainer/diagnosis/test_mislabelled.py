"""Planted wrong labels are found; sound labels are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import clusters

from trainer.diagnosis import mislabelled
from trainer.diagnosis.mislabelled import find_mislabelled
from trainer.diagnosis.neighbours import neighbour_scores
from trainer.diagnosis.out_of_fold import FOLDS, draw_folds


def _alone(labels: np.ndarray) -> np.ndarray:
    return np.arange(len(labels), dtype=np.int32)


def _planted(labels: np.ndarray, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    given, classes = labels.copy(), int(labels.max()) + 1
    given[rows] = (labels[rows] + rng.integers(1, classes, len(rows))) % classes
    return given, rows


@pytest.mark.parametrize("seed", [0, 1])
def test_wrong_labels_are_found_with_the_right_one(seed: int) -> None:
    """Most of 5 % are found, most of what is found is wrong, and the likely label is the one that was changed."""
    vectors, labels = clusters(5, 40, seed)
    given, wrong = _planted(labels, 0.05, seed)
    found = find_mislabelled(vectors, given, _alone(labels))
    right = set(found.rows.tolist()) & set(wrong.tolist())
    assert len(right) >= 0.8 * len(wrong)
    assert len(right) >= 0.8 * len(found.rows)
    assert all(found.likely[place] == labels[row] for place, row in enumerate(found.rows) if row in right)
    assert (np.diff(found.wrong) <= 0).all()
    assert found.judged == 200


def test_many_pictures_are_judged_by_discriminants_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is quicker, and finds them as well."""
    monkeypatch.setattr(mislabelled, "MANY", 100)
    vectors, labels = clusters(5, 40)
    given, wrong = _planted(labels, 0.05)
    told: list[tuple[int, int]] = []
    found = find_mislabelled(vectors, given, _alone(labels), lambda *steps: told.append(steps))
    assert len(set(found.rows.tolist()) & set(wrong.tolist())) >= 0.8 * len(wrong)
    assert (told[0], told[-1]) == ((0, 2), (2, 2))


def test_what_is_not_to_be_judged_is_left_out() -> None:
    """A picture under two labels has the label -1; it is no neighbour either."""
    vectors, labels = clusters(4, 40)
    given = labels.copy()
    given[[3, 50]] = [2, -1]
    found = find_mislabelled(vectors, given, _alone(labels))
    assert (found.rows.tolist(), found.judged) == ([3], 159)
    assert find_mislabelled(vectors, np.full_like(labels, -1), _alone(labels)).judged == 0


def test_copies_do_not_vouch_for_each_other() -> None:
    """Neighbours are looked for among other pictures than a picture's own copies."""
    vectors, labels = clusters(2, 20)
    vectors[20:24], labels[20:24] = vectors[0], 1
    groups = _alone(labels)
    alone = neighbour_scores(vectors, labels, groups)
    groups[20:24] = 0
    together = neighbour_scores(vectors, labels, groups)
    assert alone[0, 1] > alone[0, 0]
    assert together[0, 1] < together[0, 0]


def test_sound_labels_raise_no_suspicion() -> None:
    """Nor do classes that cannot be told apart: what is unsure is not wrong."""
    for apart in (1.0, 0.0):
        vectors, labels = clusters(4, 40, apart=apart)
        assert len(find_mislabelled(vectors, labels, _alone(labels)).rows) <= 2


def test_tiny_classes_are_not_judged() -> None:
    """Of three pictures nothing can be learned; labels keep their numbers all the same."""
    vectors, labels = clusters(4, 40)
    labels = labels + 1
    labels[:3] = 0
    assert find_mislabelled(vectors, labels, _alone(labels)).judged == 157
    given = labels.copy()
    given[50] = 4
    found = find_mislabelled(vectors, given, _alone(labels))
    assert (found.rows.tolist(), found.likely.tolist()) == ([50], [2])


@pytest.mark.parametrize("count", [0, 5])
def test_one_class_has_no_wrong_labels(count: int) -> None:
    """With nothing to tell apart nothing is judged."""
    vectors, labels = clusters(1, 5)
    found = find_mislabelled(vectors[:count], labels[:count], _alone(labels[:count]))
    assert (len(found.rows), found.judged) == (0, 0)


def test_near_duplicates_share_a_fold() -> None:
    """Each label is spread over all folds, and a group is in one: a copy must not vouch for its original."""
    labels = np.repeat(np.arange(3, dtype=np.int32), 20)
    groups = np.arange(60, dtype=np.int32)
    groups[[5, 25, 45]] = 5
    folds = draw_folds(labels, groups, 0)
    assert len(set(folds[[5, 25, 45]].tolist())) == 1
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=FOLDS)
        assert counts.min() >= 3
