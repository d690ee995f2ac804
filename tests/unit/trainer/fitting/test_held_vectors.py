"""Vectors in TensorFlow's hands: small and large ones give the same rows."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_large_vectors_are_held_like_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filled in pieces, the last of them shorter, every row is where it belongs."""
    import tensorflow as tf

    from trainer.fitting import held_vectors

    vectors = np.random.default_rng(0).random((10, 3), np.float32)
    assert (held_vectors.held(vectors).numpy() == vectors).all()
    monkeypatch.setattr(held_vectors, "_SMALL_BYTES", 0)
    monkeypatch.setattr(held_vectors, "_PIECE_ROWS", 4)
    filled = held_vectors.held(vectors)
    gathered = tf.function(lambda rows: tf.gather(filled, rows))(tf.constant([9, 0, 4]))
    assert (filled.numpy() == vectors).all()
    assert (gathered.numpy() == vectors[[9, 0, 4]]).all()


class _Circle:
    """Refers to itself, as a network and its compiled steps do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize(("rows", "gone"), [(10, False), (17_000, True)])
def test_a_network_on_large_vectors_is_freed_at_once(rows: int, *, gone: bool) -> None:
    """Only where it is worth the search for circles, which takes a while."""
    from trainer.fitting.held_vectors import let_go

    gc.disable()
    try:
        circle = weakref.ref(_Circle())
        let_go(np.zeros((rows, 1000), np.float32))
        assert (circle() is None) is gone
    finally:
        gc.enable()
