"""Discriminant analysis: the formula, its dual, and the estimate of the shrinkage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from trainer.fitting.discriminant import LEDOIT_WOLF, Discriminant
from trainer.registry import heads

Arrays = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]


def _made(count: int, dimensions: int, classes: int = 3) -> Arrays:
    rng = np.random.default_rng(count)
    labels = (np.arange(count) % classes).astype(np.int32)
    mixed = rng.normal(size=(count, dimensions)) @ rng.normal(size=(dimensions, dimensions))
    return (mixed + 3 * rng.normal(size=(classes, dimensions))[labels]).astype(np.float32), labels


def _plainly(vectors: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], s: float) -> npt.NDArray[np.float64]:
    """Return the logits as the textbook has them, with the whole covariance inverted."""
    x, classes = vectors.astype(np.float64), int(labels.max()) + 1
    means = np.stack([x[labels == c].mean(0) for c in range(classes)])
    variance = ((x - means[labels]) ** 2).mean(0)
    scale = np.sqrt(variance + 0.1 * variance.mean())
    residuals = (x - means[labels]) / scale
    covariance = (1 - s) * residuals.T @ residuals / len(x) + s * np.eye(x.shape[1])
    inverse, shares = np.linalg.inv(covariance), np.bincount(labels) / len(labels)
    m, z = (means - x.mean(0)) / scale, (x - x.mean(0)) / scale
    return z @ inverse @ m.T - 0.5 * np.einsum("cd,de,ce->c", m, inverse, m) + np.log(shares)


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize("shrinkage", [0.01, 0.3, 1.0])
def test_it_is_the_textbooks(count: int, shrinkage: float) -> None:
    """With fewer vectors than dimensions, and with more, the logits are those of the inverted covariance."""
    vectors, labels = _made(count, 50)
    rows = np.arange(count, dtype=np.int32)
    found = heads.logits(Discriminant(vectors, labels, rows, 3).network(shrinkage), vectors)
    wanted = _plainly(vectors, labels, shrinkage)
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


def _ledoit_wolf(r: npt.NDArray[np.float64]) -> float:
    """Return the estimate of the paper's lemma, written out over single residuals float64[n, d]."""
    covariance = r.T @ r / len(r)
    distance = ((covariance - np.trace(covariance) / r.shape[1] * np.eye(r.shape[1])) ** 2).sum()
    spread = sum(((np.outer(each, each) - covariance) ** 2).sum() for each in r) / len(r) ** 2
    return float(min(spread, distance) / distance)


@pytest.mark.parametrize("count", [30, 300])
def test_ledoit_and_wolf(count: int) -> None:
    """The shrinkage lies between the paper's estimate over all residuals and that over those of single classes."""
    vectors, labels = _made(count, 60)
    x = vectors.astype(np.float64)
    residuals = x - np.stack([x[labels == c].mean(0) for c in range(3)])[labels]
    variance = (residuals**2).mean(0)
    pooled = _ledoit_wolf(residuals / np.sqrt(variance + 0.1 * variance.mean()))
    own = [residuals[labels == c] for c in range(3)]
    by_class = np.mean([_ledoit_wolf(each / np.sqrt((each**2).mean(0))) for each in own])  # of one size
    discriminant = Discriminant(vectors, labels, np.arange(count, dtype=np.int32), 3)
    assert discriminant.ledoit_wolf == pytest.approx(np.sqrt(pooled * by_class), rel=1e-6)
    assert pooled < discriminant.ledoit_wolf < by_class
    one, other = discriminant.network(LEDOIT_WOLF), discriminant.network(discriminant.ledoit_wolf)
    assert (one.layers[0].weight == other.layers[0].weight).all()


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that is read in pieces gives the head of one that is read at once, whatever the order of its rows."""
    vectors, labels = _made(300, 20)
    rows = np.arange(300, dtype=np.int32)
    whole = Discriminant(vectors, labels, rows, 3).network(LEDOIT_WOLF)
    monkeypatch.setattr("trainer.fitting.discriminant._CHUNK_ROWS", 64)
    pieces = Discriminant(vectors, labels, rows[::-1], 3).network(LEDOIT_WOLF)
    assert np.abs(whole.layers[0].weight - pieces.layers[0].weight).max() < 1e-4


def test_a_unit_that_is_hardly_active_counts_little() -> None:
    """A dimension that varies a thousandth of the others, by chance between classes, does not decide."""
    rng = np.random.default_rng(3)
    labels = (np.arange(60) % 3).astype(np.int32)
    vectors = rng.normal(size=(60, 30)).astype(np.float32) + np.eye(3, 30, dtype=np.float32)[labels] * 3
    vectors[:, 10:] *= 1e-3
    network = Discriminant(vectors, labels, np.arange(60, dtype=np.int32), 3).network(LEDOIT_WOLF)
    moved = np.abs(
        heads.logits(network, vectors + np.where(np.arange(30) < 10, 0, 1e-3)) - heads.logits(network, vectors)
    )
    assert moved.max() < 0.1


def test_balanced_takes_every_class_as_likely() -> None:
    """Between two classes of unlike size the balanced bias is nearer to the small one, by the ratio of their sizes."""
    vectors, labels = _made(400, 5, 2)
    rows = np.flatnonzero((labels == 0) | (np.arange(400) % 10 == 1)).astype(np.int32)
    counts = np.bincount(labels[rows])
    plain = Discriminant(vectors, labels, rows, 2).network(0.1).layers[0].bias
    balanced = Discriminant(vectors, labels, rows, 2, balanced=True).network(0.1).layers[0].bias
    moved = (balanced[1] - balanced[0]) - (plain[1] - plain[0])
    assert moved == pytest.approx(np.log(counts[0] / counts[1]), abs=1e-4)


def test_a_class_without_rows_and_a_constant_dimension() -> None:
    """Neither makes anything infinite, and the absent class is not answered."""
    vectors, labels = _made(90, 8)
    vectors[:, 3] = 7.0
    rows = np.flatnonzero(labels != 2).astype(np.int32)
    logits = heads.logits(Discriminant(vectors, labels, rows, 3).network(LEDOIT_WOLF), vectors[rows])
    assert np.isfinite(logits).all()
    assert (logits.argmax(1) != 2).all()


def test_classes_of_one_picture() -> None:
    """Where nothing varies within classes the nearest mean answers."""
    vectors = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    labels = np.arange(5, dtype=np.int32)
    network = Discriminant(vectors, labels, labels, 5).network(LEDOIT_WOLF)
    assert (heads.logits(network, vectors + np.float32(0.01)).argmax(1) == labels).all()
