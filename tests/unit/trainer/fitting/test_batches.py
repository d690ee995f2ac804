"""What training draws at random."""

from __future__ import annotations

import numpy as np

from trainer.fitting import batches


def test_an_epoch_visits_each_example_at_most_once() -> None:
    """An epoch's batches are whole, from the rows asked for, without doubles; the next epoch has another order."""
    rows = np.arange(100, 203, dtype=np.int32)
    first = batches.epoch(0, 0, rows, 10, 0.5)
    assert first.rows.shape == (10, 10)
    assert len(set(first.rows.ravel())) == 100
    assert set(first.rows.ravel()) <= set(rows)
    assert set(first.partners.ravel()) <= set(rows)
    assert (batches.epoch(0, 1, rows, 10, 0.5).rows != first.rows).any()


def test_the_seed_says_everything() -> None:
    """The same seed draws the same, another seed does not."""
    rows = np.arange(50, dtype=np.int32)
    for draw in (
        lambda seed: batches.epoch(seed, 3, rows, 7, 1.0).factors,
        lambda seed: batches.with_replacement(seed, 3, 5, rows, 7).rows,
        lambda seed: batches.he_weights(seed, (5, 4, 3))[0],
        lambda seed: batches.truncated_normal_weights(seed, (5, 4, 3), 0.1)[1],
    ):
        assert (draw(1) == draw(1)).all()
        assert (draw(1) != draw(2)).any()


def test_few_rows_make_one_batch() -> None:
    """Fewer rows than a batch are one step of all of them."""
    assert batches.epoch(0, 0, np.arange(3, dtype=np.int32), 32, 0.0).rows.shape == (1, 3)


def test_truncated_normal_is_truncated() -> None:
    """Nothing lies beyond two standard deviations, and the spread is a truncated normal's."""
    (weights,) = batches.truncated_normal_weights(0, (300, 300), 0.001)
    assert np.abs(weights).max() <= 0.002
    assert abs(weights.std() / 0.001 - 0.8796) < 0.01
    assert weights.dtype == np.float32
