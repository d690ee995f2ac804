"""Strangers stand out; what varies as the rest does not."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import clusters

from trainer.diagnosis import outliers
from trainer.diagnosis.outliers import FAR, strangeness


@pytest.mark.parametrize("block", [7, 4096])
def test_a_stranger_is_far_from_everybody(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it came four times: copies do not vouch for each other."""
    monkeypatch.setattr(outliers, "_BLOCK", block)
    vectors, _ = clusters(3, 30)
    strangers = np.repeat(np.random.default_rng(3).random((1, 48), np.float32) * 30, 4, axis=0)
    far = strangeness(np.concatenate([vectors, strangers]))
    assert (far[90:] >= FAR).all()
    assert (far[:90] < FAR).all()


def test_few_pictures_and_equal_ones_have_no_strangers() -> None:
    """There is no saying what is usual, or everything is."""
    assert not strangeness(clusters(1, 19)[0]).any()
    assert not strangeness(np.ones((40, 4), np.float32)).any()
    assert len(strangeness(np.empty((0, 4), np.float32))) == 0
