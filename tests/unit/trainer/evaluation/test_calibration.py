"""The temperature, and the logits it is fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.evaluation.calibration import calibrate, with_temperature
from trainer.evaluation.held_out import folds_of, held_out_logits
from trainer.fitting.fit import FittedHead
from trainer.registry import heads

if TYPE_CHECKING:
    from trainer.fitting.batches import RowArray


def _drawn(temperature: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and labels drawn from the softmax of those logits over a temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (n, 5)).astype("f4")
    e = np.exp(logits / temperature)
    return logits, (e.cumsum(axis=1) < rng.random((n, 1)) * e.sum(axis=1, keepdims=True)).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature: float) -> None:
    """Logits that are too sure, or not sure enough, are brought to what they should be, at a lower log loss."""
    logits, truth = _drawn(temperature)
    found = calibrate(logits, truth)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert found.log_loss_after <= found.log_loss_before
    assert found.held_out == len(truth)


@pytest.mark.parametrize("scale", [1.0, 1e6])
@pytest.mark.parametrize("pictures", [5, 300])
def test_right_answers_make_a_head_no_surer_than_so_many_can(scale: float, pictures: int) -> None:
    """Where all are right the error that is left is that of half a wrong answer, whatever the scale of the logits."""
    gaps = np.random.default_rng(0).uniform(2, 4, pictures) * scale
    logits = np.stack([gaps, np.zeros(pictures)], axis=1)
    temperature = calibrate(logits, np.zeros(pictures, int)).temperature
    wrong = float((1 / (1 + np.exp(gaps / temperature))).mean())
    assert 1e-5 < wrong < 1.5 / (pictures + 1)


def test_without_pictures_nothing_is_changed() -> None:
    """There is nothing to fit a temperature to; nor is there with one class."""
    assert calibrate(np.zeros((0, 2)), np.zeros(0, int)).temperature == 1.0
    assert calibrate(np.ones((3, 1)), np.zeros(3, int)).temperature == 1.0


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_the_last_layer_takes_the_temperature(activation: str) -> None:
    """The network's logits are divided, also where the last layer has a ReLU."""
    rng = np.random.default_rng(0)
    layers = (
        heads.Layer(rng.normal(size=(4, 6)).astype("f4"), rng.normal(size=6).astype("f4"), "relu"),
        heads.Layer(rng.normal(size=(6, 3)).astype("f4"), rng.normal(size=3).astype("f4"), activation),
    )
    network = heads.Network(np.zeros(4, "f4"), np.ones(4, "f4"), layers)
    vectors = rng.normal(size=(9, 4)).astype("f4")
    divided = heads.logits(with_temperature(network, 2.5), vectors)
    assert divided == pytest.approx(heads.logits(network, vectors) / 2.5, rel=1e-5)


class _Fits:
    """Fits nothing; remembers the rows."""

    def __init__(self, classes: int) -> None:
        self.calls: list[tuple[RowArray, RowArray]] = []
        layer = heads.Layer(np.eye(2, classes, dtype="f4"), np.zeros(classes, "f4"), "linear")
        self.network = heads.Network(np.zeros(2, "f4"), np.ones(2, "f4"), (layer,))

    def __call__(self, training: RowArray, validation: RowArray) -> FittedHead:
        """Remember the rows."""
        self.calls.append((training, validation))
        return FittedHead(self.network, 1, 1, "", ())


def test_each_picture_is_held_out_once_and_no_fit_sees_what_it_is_asked() -> None:
    """Two halves: every row but a class's only one is held out, from a head whose rows leave it out."""
    labels = np.array([0] * 20 + [1] * 20 + [2] + [0] * 9)
    vectors = np.arange(100, dtype="f4").reshape(50, 2)
    rows = np.arange(41)  # the last nine are the test part
    fits = _Fits(3)
    found = held_out_logits(fits, vectors, labels, rows, 3, 0)
    assert len(found.truth) == 40
    assert sorted(found.logits[:, 0].tolist()) == vectors[:40, 0].tolist()
    seen = [set(training) | set(validation) for training, validation in fits.calls]
    assert seen[0] | seen[1] == set(rows.tolist())
    assert seen[0] & seen[1] == {40}
    assert all(set(labels[training]) == {0, 1, 2} for training, _ in fits.calls)
    assert all(len(validation) for _, validation in fits.calls)


def test_of_very_many_pictures_a_sample_is_held_out() -> None:
    """One head, trained on two thirds of 12,000 pictures, is enough to find one number."""
    fits = _Fits(2)
    found = held_out_logits(fits, np.zeros((50_000, 2), "f4"), np.arange(50_000) % 2, np.arange(50_000), 2, 0)
    assert (found.folds, len(fits.calls), len(found.truth)) == (1, 1, pytest.approx(2000, abs=2))


def test_what_is_surer_with_fewer_pictures_is_cut_into_fifths() -> None:
    """Each fit has four fifths of the pictures then, and every picture is held out once; networks are cut in halves."""
    assert [folds_of(kind) for kind in ("mlp", "softmax", "lda", "logistic", "average")] == [2, 2, 5, 5, 5]
    fits, labels = _Fits(3), np.arange(60) % 3
    found = held_out_logits(fits, np.zeros((60, 2), "f4"), labels, np.arange(60), 3, 0, folds_of("average"))
    assert [len(training) + len(validation) for training, validation in fits.calls] == [48] * 5
    assert (found.folds, len(found.truth)) == (5, 60)


def test_no_more_fifths_are_looked_at_than_are_needed() -> None:
    """A thousand held-out pictures are enough for one number, and of very many pictures there is a sample."""
    for pictures, looked_at, held in ((2_000, 3, 1_200), (5_000, 1, 1_000), (50_000, 1, 1_200)):
        fits = _Fits(2)
        vectors = np.zeros((pictures, 2), "f4")
        found = held_out_logits(fits, vectors, np.arange(pictures) % 2, np.arange(pictures), 2, 0, 5)
        assert (found.folds, len(found.truth)) == (looked_at, pytest.approx(held, abs=2))


def test_too_few_pictures_hold_nothing_out() -> None:
    """With one picture a class there is nothing to fit a temperature to."""
    found = held_out_logits(_Fits(2), np.zeros((2, 2), "f4"), np.array([0, 1]), np.arange(2), 2, 0)
    assert (found.folds, found.logits.shape) == (0, (0, 2))
