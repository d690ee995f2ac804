"""The search as a whole: it repeats itself, its choice can be trained by itself, and time and callers can end it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import CancelledError
from trainer import recipes
from trainer.fitting.fit import TrainingData, fit
from trainer.jobs.progress import Phase, Progress
from trainer.recipes import AutoRecipe, AverageRecipe, LdaRecipe, MlpRecipe
from trainer.registry import heads
from trainer.search.fold_fits import FoldFits
from trainer.search.search import search

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.tensorflow

_UNHURRIED = AutoRecipe(time_budget_s=3600, folds=3)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Return 120 vectors around four centres, of which a few are hard to tell apart."""
    rng = np.random.default_rng(1)
    labels = (np.arange(120) % 4).astype(np.int32)
    vectors = np.maximum(rng.normal(size=(4, 20))[labels] + rng.normal(0, 0.9, (120, 20)), 0).astype(np.float32)
    rows = np.arange(120, dtype=np.int32)
    return TrainingData(vectors, labels, rows[rows % 10 > 1], rows[rows % 10 == 1], 4)


def _nothing(*_: object) -> None:
    """Do nothing."""


def test_the_choice_by_itself_is_the_same_head(data: TrainingData) -> None:
    """Two searches find the same, to the bytes of the head; so does training the choice that the facts hold."""
    reports: list[Progress] = []
    first = fit(_UNHURRIED, data, reports.append, lambda: False)
    assert first.search is not None
    assert first.search["cut"] == []
    second = fit(_UNHURRIED, data, _nothing, lambda: False)
    alone = fit(recipes.from_dict(first.search["chosen"]), data, _nothing, lambda: False)
    wanted = heads.tensors_bytes(first.network)
    assert heads.tensors_bytes(second.network) == heads.tensors_bytes(alone.network) == wanted
    assert first.history == tuple(reports)
    searching = [report for report in reports if report.phase is Phase.SEARCHING]
    assert [report.step for report in searching] == list(range(1, len(first.search["trials"]) + 1))
    assert searching[-1].step == searching[-1].steps


def test_the_table_tells_every_rung(data: TrainingData) -> None:
    """All candidates are on the first rung, half as many networks on each next one; averages are last."""
    found = search(_UNHURRIED, data, _nothing, _nothing)
    kinds = [(trial.rung, trial.recipe.kind) for trial in found.trials]
    assert kinds.count((1, "lda")) == 7
    assert kinds.count((1, "logistic")) == 4
    networks = [kinds.count((rung, "mlp")) for rung in (1, 2, 3)]
    assert networks in ([8, 0, 0], [8, 4, 0], [8, 4, 2])
    assert kinds.count((4, "average")) == 3 + (networks[2] > 0)
    shapes = {trial.recipe.hidden_units for trial in found.trials if isinstance(trial.recipe, MlpRecipe)}
    assert {len(shape) for shape in shapes} == {0, 1, 2}
    assert all(0 < trial.score.accuracy <= 1 and trial.score.log_loss > 0 for trial in found.trials)
    assert found.pictures == len(data.training) + len(data.validation)
    best = max(trial.score.accuracy for trial in found.trials if trial.folds == 3)
    assert best > 0.8


def test_a_network_that_does_not_help_is_dropped(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that contradicts the linear kinds on the first fold is not fitted to the others; one that knows more is."""
    looked_at: list[int] = []

    def answers(*, knowing: bool) -> Callable[..., np.ndarray]:
        def logits(fits: FoldFits, candidate: object, fold: int) -> np.ndarray:
            labels = fits._examples.labels[fits._examples.held_out(fold)]
            right = np.eye(4, dtype=np.float32)[labels]
            if not isinstance(candidate, MlpRecipe):
                return right + np.random.default_rng(fold).normal(size=right.shape).astype(np.float32)
            looked_at.append(fold)
            return 3 * right if knowing else np.roll(right, 1, axis=1)

        return logits

    for knowing, wanted in ((False, {0}), (True, {0, 1, 2})):
        looked_at.clear()
        monkeypatch.setattr(FoldFits, "logits", answers(knowing=knowing))
        reports: list[Progress] = []
        search(
            _UNHURRIED, replace(data, training=np.arange(100), validation=np.arange(100, 120)), reports.append, _nothing
        )
        assert set(looked_at) == wanted
        assert reports[-1].step == reports[-1].steps


def test_few_pictures_are_left_to_the_linear_kinds(data: TrainingData) -> None:
    """With fewer than ten a class no network is tried, and the reports still end at their number."""
    reports: list[Progress] = []
    rows = np.arange(36, dtype=np.int32)
    found = search(_UNHURRIED, replace(data, training=rows[:30], validation=rows[30:]), reports.append, _nothing)
    assert {trial.recipe.kind for trial in found.trials} == {"lda", "logistic", "average"}
    assert found.cut == ()
    assert reports[-1].step == reports[-1].steps


def test_without_time_there_is_still_a_head(data: TrainingData) -> None:
    """A budget of nothing scores the discriminants alone, and says what was left out."""
    found = search(replace(_UNHURRIED, time_budget_s=0), data, _nothing, _nothing)
    assert {trial.recipe.kind for trial in found.trials} == {"lda", "average"}
    assert {each.kind for each in found.cut} == {"logistic", "mlp"}
    assert isinstance(found.chosen, AverageRecipe)
    assert {type(each) for each in found.chosen.members} == {LdaRecipe}


def test_time_runs_out_between_candidates(data: TrainingData) -> None:
    """A clock that passes the budget in the middle leaves whole candidates out; what saw all folds is chosen from."""
    ticks = itertools.count()
    found = search(replace(_UNHURRIED, time_budget_s=70), data, _nothing, _nothing, lambda: float(next(ticks)))
    tried = [trial.recipe for trial in found.trials if trial.recipe.kind == "mlp"]
    untried = [each for each in found.cut if each not in tried]
    assert tried
    assert len(set(tried)) + len(untried) == 8
    assert {each.kind for each in found.chosen.members} <= {"lda", "logistic"}
    assert found.to_dict()["cut"] == [recipes.to_dict(each) for each in found.cut]


def test_test_rows_are_never_looked_at(data: TrainingData) -> None:
    """Rows of neither part may hold anything: the outcome is the same."""
    hidden = np.setdiff1d(np.arange(120), np.concatenate([data.training, data.validation]))
    spoilt = data.vectors.copy()
    spoilt[hidden] = np.nan
    recipe = replace(_UNHURRIED, time_budget_s=0)
    one, other = (search(recipe, each, _nothing, _nothing) for each in (data, replace(data, vectors=spoilt)))
    assert one.chosen == other.chosen


def test_cancelled_between_candidates(data: TrainingData) -> None:
    """A cancelled job ends the search."""
    reports: list[Progress] = []
    with pytest.raises(CancelledError):
        fit(_UNHURRIED, data, reports.append, lambda: len(reports) >= 3)
    assert len(reports) == 3
