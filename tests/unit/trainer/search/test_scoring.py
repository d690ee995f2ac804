"""Scores: the factor that calibrates, and what examples count."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.search.scoring import score


def test_the_factor_undoes_a_temperature() -> None:
    """Logits that are three times too sure get a factor of a third."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (shares.cumsum(1) < rng.random((20_000, 1))).sum(1).astype(np.int32)
    honest = score(logits.astype(np.float32), labels, np.ones(20_000, np.float32))
    sure = score(3 * logits.astype(np.float32), labels, np.ones(20_000, np.float32))
    assert honest.factor == pytest.approx(1, abs=0.05)
    assert sure.factor == pytest.approx(honest.factor / 3, rel=1e-3)
    assert sure.log_loss == pytest.approx(honest.log_loss, abs=1e-6)


def test_weights_count() -> None:
    """An example of weight three is three examples."""
    logits = np.array([[1, 0], [1, 0], [0, 2]], np.float32)
    labels = np.array([0, 1, 1], np.int32)
    weighted = score(logits, labels, np.array([1, 3, 1], np.float32))
    repeated = score(logits[[0, 1, 1, 1, 2]], labels[[0, 1, 1, 1, 2]], np.ones(5, np.float32))
    assert weighted.accuracy == pytest.approx(0.4)
    assert weighted.log_loss == pytest.approx(repeated.log_loss, abs=1e-9)
