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
    scale = np.sqrt(((x - means[labels]) ** 2).mean(0))
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


@pytest.mark.parametrize("count", [30, 300])
def test_ledoit_and_wolf(count: int) -> None:
    """The estimate is the one of the paper's lemma, written out over single residuals."""
    vectors, labels = _made(count, 60)
    x = vectors.astype(np.float64)
    means = np.stack([x[labels == c].mean(0) for c in range(3)])
    r = (x - means[labels]) / np.sqrt(((x - means[labels]) ** 2).mean(0))
    covariance = r.T @ r / count
    target = np.trace(covariance) / 60 * np.eye(60)
    distance = ((covariance - target) ** 2).sum()
    spread = sum(((np.outer(each, each) - covariance) ** 2).sum() for each in r) / count**2
    discriminant = Discriminant(vectors, labels, np.arange(count, dtype=np.int32), 3)
    assert discriminant.ledoit_wolf == pytest.approx(min(spread, distance) / distance, rel=1e-6)
    one, other = discriminant.network(LEDOIT_WOLF), discriminant.network(discriminant.ledoit_wolf)
    assert (one.layers[0].weight == other.layers[0].weight).all()


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
