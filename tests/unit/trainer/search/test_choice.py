"""The choice among scored candidates."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.recipes import LdaRecipe, LogisticRecipe, MlpRecipe
from trainer.search.choice import Blend, best_of, blends
from trainer.search.scoring import score

_LABELS = (np.arange(300) % 3).astype(np.int32)
_ONES = np.ones(300, np.float32)


def _logits(seed: int, signal: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(300, 3))
    return (noise + signal * np.eye(3)[_LABELS]).astype(np.float32)


def _blends(signals: dict[object, float], *, single: bool = False) -> list:
    logits = {each: _logits(seed, signal) for seed, (each, signal) in enumerate(signals.items())}
    scores = {each: score(found, _LABELS, _ONES) for each, found in logits.items()}
    return blends(logits, scores, _LABELS, _ONES, single=single)


_LINEAR = {
    LdaRecipe(): 1.05,
    **{LdaRecipe(shrinkage=each / 10): 1 + each / 10 for each in range(1, 6)},
    **{LogisticRecipe(l2=float(each)): 1 + each / 10 for each in range(1, 5)},
}


def test_the_best_of_each_kind_are_averaged() -> None:
    """Ledoit and Wolf's discriminant, the best other and two regressions; of many pictures the best of each."""
    found = _blends(_LINEAR)[0]
    kinds = [each.kind for each in found.members]
    assert (kinds.count("lda"), kinds.count("logistic")) == (2, 2)
    assert found.members[0] == LdaRecipe()
    assert len(found.factors) == 4
    single = _blends(_LINEAR, single=True)[0]
    assert [each.kind for each in single.members] == ["lda", "logistic"]
    assert single.members[0] != LdaRecipe()
    assert score(found.logits, _LABELS, _ONES).factor == pytest.approx(1, abs=0.01)


def test_a_network_joins_only_if_it_proves_its_worth() -> None:
    """One that knows more is taken in, one that is wrong is left out."""
    for signal, wanted in ((6.0, True), (-1.0, False)):
        found = _blends({**_LINEAR, MlpRecipe(): signal})
        assert MlpRecipe() in found[-1].members
        assert (MlpRecipe() in best_of(found, _LABELS, _ONES).members) is wanted


def test_a_later_average_must_be_better_beyond_chance() -> None:
    """The first one stays unless another's loss is lower by more than its standard error, and not by a trifle."""
    first, better, same = (
        Blend((LdaRecipe(),), (1.0,), logits, score(logits, _LABELS, _ONES))
        for logits in (_logits(0, 1.0), _logits(1, 3.0), _logits(0, 1.0005))
    )
    assert best_of([first, better], _LABELS, _ONES) is better
    assert best_of([better, first], _LABELS, _ONES) is better
    assert best_of([first, same], _LABELS, _ONES) is first
