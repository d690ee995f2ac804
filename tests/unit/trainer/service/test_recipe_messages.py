"""Recipes and searches on the wire."""

from __future__ import annotations

import pytest

from graft.client import wire_recipes
from trainer.recipes import (
    AutoRecipe,
    AverageRecipe,
    LdaRecipe,
    LogisticRecipe,
    MlpRecipe,
    Recipe,
    SeedRecipe,
    SoftmaxRecipe,
    from_dict,
    to_dict,
)
from trainer.search.scoring import Score
from trainer.search.trials import Outcome, Trial
from trainer.service.recipe_messages import recipe_document, recipe_message, search_message

_AVERAGE = AverageRecipe((LdaRecipe(shrinkage=0.1), MlpRecipe(hidden_units=(), epochs=3)), (0.1, 1 / 3), views=2)


@pytest.mark.parametrize(
    "recipe",
    [
        AutoRecipe(time_budget_s=0.1, folds=7, class_weights="balanced"),
        LdaRecipe(shrinkage=0.3, views=3, view_seed=2**64 - 1),
        LogisticRecipe(l2=1 / 3, max_iterations=9),
        MlpRecipe(hidden_units=(), epochs=4),
        MlpRecipe(hidden_units=(7, 5), dropout=0.0, variance_floor=0.0),
        SoftmaxRecipe(report_every=50),
        SeedRecipe(initial_stddev=0.05),
        _AVERAGE,
    ],
)
def test_a_recipe_survives_the_way_to_the_client_and_back(recipe: Recipe) -> None:
    """Every setting of every recipe comes back as it was, to the last bit, members and empty layers included."""
    own = wire_recipes.recipe(recipe_message(to_dict(recipe)))
    assert from_dict(recipe_document(wire_recipes.wire_recipe(own))) == recipe


def test_a_search_arrives_whole() -> None:
    """Trials, what was cut, and the choice arrive at the client with their numbers."""
    trial = Trial(LdaRecipe(shrinkage=0.1), 1, 5, Score(0.75, 0.5, 0.1), 0.25)
    outcome = Outcome(_AVERAGE, (trial,), (MlpRecipe(epochs=3),), 345, 5, 8.5)
    found = wire_recipes.search(search_message(outcome.to_dict()))
    assert (found.pictures, found.folds, found.seconds) == (345, 5, 8.5)
    assert [each.kind for each in found.chosen.members] == ["lda", "mlp"]
    assert found.chosen.members[1].no_hidden_layers
    (only,) = found.trials
    assert (only.rung, only.folds, only.accuracy, only.log_loss, only.seconds) == (1, 5, 0.75, 0.5, 0.25)
    assert [each.epochs for each in found.cut] == [3]
