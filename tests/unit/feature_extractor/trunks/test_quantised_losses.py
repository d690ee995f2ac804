"""What 8 bits cost: cosines, folds and the comparison of heads, on arrays small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest

from feature_extractor.trunks.quantised.losses import cosine_loss, cosines, divide, head_loss, predict_by_folds


def clusters(spread: float, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """float32[90, 40] around three centres, and their labels."""
    random = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), 30)
    centres = np.random.default_rng(99).normal(size=(3, 40))
    vectors = centres[classes] + spread * random.normal(size=(90, 40))
    return vectors.astype(np.float32), [f"label {index}" for index in classes]


def test_cosines_of_known_angles() -> None:
    """The same direction is 1 whatever the lengths, a right angle 0; two zero vectors agree, one alone does not."""
    a = np.array([[1, 0], [1, 0], [0, 0], [0, 0], [1, 1]], np.float32)
    b = np.array([[9, 0], [0, 2], [0, 0], [1, 0], [1, 0]], np.float32)
    assert cosines(a, b) == pytest.approx([1, 0, 1, 0, np.sqrt(0.5)])


def test_cosine_loss_keeps_the_worst() -> None:
    """One turned vector among two hundred shows in the minimum and not in the median."""
    a = np.tile(np.array([[1, 0]], np.float32), (200, 1))
    b = a.copy()
    b[17] = (0, 1)
    loss = cosine_loss(a, b)
    assert (loss.pictures, loss.median, loss.minimum) == (200, 1, 0)
    assert loss.percentile_1 > 0.9


def test_folds_spread_each_class_evenly() -> None:
    """In every fold each class has as many pictures as in any other, give or take one; all folds are as large."""
    classes = np.array([0] * 23 + [1] * 12 + [2] * 5)
    parts = divide(classes, 5, seed=3)
    for index in range(3):
        counts = np.bincount(parts[classes == index], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.bincount(parts).tolist() == [8, 8, 8, 8, 8]
    assert (parts != divide(classes, 5, seed=4)).any()


def test_head_learns_what_the_other_folds_show() -> None:
    """Well-parted clusters are told apart; labels without a pattern are told no better than by chance."""
    vectors, _ = clusters(0.3)
    classes = np.repeat(np.arange(3), 30)
    parts = divide(classes, 5, 0)
    assert (predict_by_folds(vectors, classes, parts) == classes).mean() > 0.95
    shuffled = np.random.default_rng(0).permutation(classes)
    assert (predict_by_folds(vectors, shuffled, divide(shuffled, 5, 0)) == shuffled).mean() < 0.6


def test_head_does_not_depend_on_the_unit_of_the_vectors() -> None:
    """Vectors a thousand times as long give the same predictions."""
    vectors, _ = clusters(1.5)
    classes = np.repeat(np.arange(3), 30)
    parts = divide(classes, 5, 0)
    assert np.array_equal(predict_by_folds(vectors, classes, parts), predict_by_folds(1000 * vectors, classes, parts))


def test_equal_vectors_lose_nothing() -> None:
    """The difference and its interval are exactly 0."""
    vectors, labels = clusters(1.5)
    loss = head_loss(vectors, vectors, labels)
    assert loss is not None
    assert (loss.labels, loss.pictures, loss.folds) == (3, 90, 5)
    assert (loss.points, loss.points_low, loss.points_high) == (0, 0, 0)
    assert 0.5 < loss.accuracy_float32 < 1


def test_ruined_vectors_lose_points_beyond_doubt() -> None:
    """Noise in place of the 8-bit vectors is a loss whose whole interval is below 0."""
    vectors, labels = clusters(0.3)
    noise = np.random.default_rng(5).normal(size=vectors.shape).astype(np.float32)
    loss = head_loss(vectors, noise, labels)
    assert loss is not None
    assert loss.points == pytest.approx(100 * (loss.accuracy_int8 - loss.accuracy_float32))
    assert loss.points_low < loss.points < loss.points_high < 0


def test_labels_too_small_to_divide_are_left_out() -> None:
    """A label of fewer pictures than folds, and pictures without a label, count for nothing."""
    vectors, labels = clusters(0.3)
    labels[:2] = ["rare", ""]
    loss = head_loss(vectors, vectors, labels)
    assert loss is not None
    assert (loss.labels, loss.pictures) == (3, 88)


def test_one_label_is_no_comparison() -> None:
    """With fewer than two labels there is no head to compare."""
    vectors, _ = clusters(0.3)
    assert head_loss(vectors, vectors, [""] * 45 + ["one"] * 45) is None
