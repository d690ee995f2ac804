"""A fit that is broken off anywhere and goes on from its checkpoint makes the very head it would have made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.errors import CancelledError
from trainer.fitting import checkpoints, fit_combined
from trainer.fitting.fit import TrainingData, fit
from trainer.jobs.progress import Phase, Progress
from trainer.recipes import AutoRecipe, MlpRecipe, SeedRecipe, SoftmaxRecipe, from_dict
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.fitting.checkpoints import Checkpoint
    from trainer.recipes import Recipe

pytestmark = pytest.mark.tensorflow

RECIPES = {
    "mlp": MlpRecipe(hidden_units=(16,), learning_rate=0.01, max_epochs=6, patience=2, batch_size=4),
    "seed": SeedRecipe(hidden_units=(8,), steps=450, initial_stddev=0.1, report_every=70),
    "softmax": SoftmaxRecipe(steps=450, report_every=10_000),
}


class Memory:
    """Checkpoints in memory, as the bytes of their files; the fit is cancelled after `limit` of them."""

    def __init__(self, limit: int, content: bytes | None = None) -> None:
        self.content, self.saved, self.limit = content, 0, limit
        self.places: list[str] = []
        self.documents: dict[str, str] = {}

    def load(self) -> Checkpoint | None:
        """Return the last one."""
        return None if self.content is None else checkpoints.from_bytes(self.content)

    def due(self) -> bool:
        """Return True: one at every opportunity."""
        return True

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep it."""
        self.content, self.saved = checkpoints.to_bytes(checkpoint), self.saved + 1

    def resumed(self, place: str) -> None:
        """Remember where."""
        self.places.append(place)

    def remember(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep it as JSON."""
        self.documents[name] = json.dumps(document)

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return it from JSON."""
        return json.loads(self.documents[name]) if name in self.documents else None

    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.saved >= self.limit


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Return 150 vectors around three centres."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150).astype(np.int32)
    vectors = (rng.normal(size=(3, 20))[labels] + rng.normal(0, 1.0, (150, 20))).astype(np.float32)
    rows = np.arange(150, dtype=np.int32)
    return TrainingData(vectors, labels, rows[rows % 5 > 1], rows[rows % 5 == 1], 3)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_broken_fit_ends_as_an_unbroken_one(recipe: Recipe, data: TrainingData) -> None:
    """Weights, reports, epochs and the reason to stop are the same, however often and wherever it was broken off."""
    whole = fit(recipe, data, lambda _: None, lambda: False)
    content: bytes | None = None
    breaks = 0
    while True:
        memory = Memory(1 + breaks % 7, content)
        try:
            head = fit(recipe, data, lambda _: None, memory.full, memory)
            break
        except CancelledError:
            assert memory.saved, "no step was made between two breaks"
            content, breaks = memory.content, breaks + 1
            assert (breaks == 1) == (not memory.places)
    assert breaks >= 3
    assert heads.tensors_bytes(head.network) == heads.tensors_bytes(whole.network)
    assert (head.history, head.steps, head.epochs) == (whole.history, whole.steps, whole.epochs)
    assert head.stop_reason == whole.stop_reason


def test_a_checkpoint_of_another_recipe_is_passed_over(data: TrainingData) -> None:
    """Such a fit begins at its beginning."""
    memory = Memory(2)
    with pytest.raises(CancelledError):
        fit(RECIPES["softmax"], data, lambda _: None, memory.full, memory)
    other = Memory(10**9, memory.content)
    head = fit(RECIPES["seed"], data, lambda _: None, lambda: False, other)
    whole = fit(RECIPES["seed"], data, lambda _: None, lambda: False)
    assert other.places == []
    assert heads.tensors_bytes(head.network) == heads.tensors_bytes(whole.network)


def test_reporting_more_often_changes_no_weight(data: TrainingData) -> None:
    """What is drawn for a step depends on the seed and the step alone."""
    often, seldom = (
        fit(SoftmaxRecipe(steps=300, report_every=every), data, lambda _: None, lambda: False) for every in (7, 300)
    )
    assert heads.tensors_bytes(often.network) == heads.tensors_bytes(seldom.network)


def test_a_search_is_not_made_again(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit by `auto` that goes on trains what the search had chosen, however much time another search would have."""
    recipe = AutoRecipe(folds=2, time_budget_s=1.0)
    memory = Memory(1)
    reports: list[Progress] = []

    def broken() -> bool:
        return memory.full() or (bool(memory.documents) and reports[-1].phase is not Phase.SEARCHING)

    with pytest.raises(CancelledError):
        fit(recipe, data, reports.append, broken, memory)
    chosen = memory.recall("search")
    assert chosen is not None

    def again(*_: object) -> None:
        raise AssertionError("it searched again")

    monkeypatch.setattr(fit_combined, "search", again)
    later = Memory(10**9, memory.content)
    later.documents = memory.documents
    head = fit(recipe, data, lambda _: None, lambda: False, later)
    whole = fit(from_dict(chosen["chosen"]), data, lambda _: None, lambda: False)
    assert heads.tensors_bytes(head.network) == heads.tensors_bytes(whole.network)
    assert head.search == chosen["found"]
