"""Logistic regression: the minimum it finds, class weights, and large sets in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.fitting import lbfgs
from trainer.fitting.logistic import LogisticRegression
from trainer.registry import heads


def _nothing(*_: object) -> None:
    """Look away."""


def _data(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    labels = rng.choice(3, count, p=[0.6, 0.3, 0.1]).astype(np.int32)
    vectors = (rng.normal(size=(3, 6))[labels] + rng.normal(size=(count, 6))).astype(np.float32)
    return vectors, labels, np.arange(count, dtype=np.int32)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1, 4], np.float32)])
def test_the_gradient_is_zero_where_it_ends(weights: np.ndarray | None) -> None:
    """The penalised, weighted loss is stationary: Σ w (p - y) x + l2 W = 0 and Σ w (p - y) = 0."""
    vectors, labels, rows = _data(300)
    network = LogisticRegression(vectors, labels, rows, 3, 0.3, weights).network(2.0, 500, None, _nothing, _nothing)
    inputs = (vectors - network.mean) / network.scale
    wrong = heads.predict(network, vectors).astype(np.float64) - np.eye(3)[labels]
    if weights is not None:
        wrong *= weights[labels][:, np.newaxis]
    assert np.abs(inputs.T @ wrong + 2.0 * network.layers[0].weight).max() < 0.02
    assert np.abs(wrong.sum(0)).max() < 0.02


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that is read in pieces ends where one that is kept whole does."""
    vectors, labels, rows = _data(300)
    whole = LogisticRegression(vectors, labels, rows, 3, 0.3).network(2.0, 300, None, _nothing, _nothing)
    monkeypatch.setattr("trainer.fitting.logistic._CHUNK_ROWS", 64)
    pieces = LogisticRegression(vectors, labels, rows, 3, 0.3).network(2.0, 300, None, _nothing, _nothing)
    assert np.abs(whole.layers[0].weight - pieces.layers[0].weight).max() < 1e-3


def test_it_can_be_ended_between_pieces() -> None:
    """What `look` raises comes through."""
    vectors, labels, rows = _data(300)

    def look() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        LogisticRegression(vectors, labels, rows, 3, 0.3).network(2.0, 300, None, _nothing, look)


def test_lbfgs_finds_the_least_of_a_badly_scaled_bowl() -> None:
    """A quadratic with curvatures of 1 to 10,000 is solved within its iterations, and each is reported."""
    curvatures = np.logspace(0, 4, 20)
    heard: list[int] = []
    found = lbfgs.minimise(
        lambda x: (float(curvatures @ (x - 1) ** 2) / 2, curvatures * (x - 1)),
        np.zeros(20),
        500,
        lambda number, _: heard.append(number),
    )
    assert np.abs(found - 1).max() < 0.15
    assert heard == list(range(1, len(heard) + 1))
