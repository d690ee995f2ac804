"""Recipes: documents, defaults, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graft.errors import InvalidArgumentError
from trainer.recipes import AutoRecipe, MlpRecipe, SeedRecipe, SoftmaxRecipe, from_dict, to_dict


@pytest.mark.parametrize(
    "recipe", [SeedRecipe(seed=3), SoftmaxRecipe(steps=7), MlpRecipe(hidden_units=(9, 8), dropout=0.1)]
)
def test_a_recipe_survives_its_document(recipe: SeedRecipe | SoftmaxRecipe | MlpRecipe) -> None:
    """A recipe written as JSON and read again is the same."""
    assert from_dict(json.loads(json.dumps(to_dict(recipe)))) == recipe


def test_nothing_said_is_the_default() -> None:
    """An empty document is the recipe auto as it is, one with settings of auto alone is that; others are mlp."""
    assert from_dict({}) == AutoRecipe()
    assert from_dict({"seed": 3, "folds": 4}) == AutoRecipe(seed=3, folds=4)
    assert from_dict({"seed": 3, "workers": 2}) == MlpRecipe(seed=3, workers=2)


def test_whole_numbers_for_fractions_are_one_recipe() -> None:
    """A setting given as 1 or as 1.0 makes the same document, so that a retry is the same request."""
    assert to_dict(from_dict({"learning_rate": 1})) == to_dict(from_dict({"learning_rate": 1.0}))
    assert isinstance(from_dict({"learning_rate": 1}), MlpRecipe)


@pytest.mark.parametrize(
    ("plain", "setting"),
    [
        ({"kind": "magic"}, "kind"),
        ({"kind": ["mlp"]}, "kind"),
        ({"kind": "softmax", "hidden_units": [3]}, "hidden_units"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"dropout": 1.0}, "dropout"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"hidden_units": 5}, "hidden_units"),
        ({"hidden_units": [0]}, "hidden_units"),
        ({"hidden_units": [1] * 9}, "hidden_units"),
    ],
)
def test_wrong_settings_are_named(plain: dict[str, Any], setting: str) -> None:
    """A wrong setting is refused by its name."""
    with pytest.raises(InvalidArgumentError) as caught:
        from_dict(plain)
    assert caught.value.reason == "INVALID_RECIPE"
    assert caught.value.violations[0].subject == f"recipe.{setting}"
    assert caught.value.message.startswith(f"recipe.{setting} ")
