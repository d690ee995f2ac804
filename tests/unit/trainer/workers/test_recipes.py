"""Which recipes workers may train."""

from __future__ import annotations

import pytest

from graft.errors import InvalidArgumentError
from trainer import recipes
from trainer.recipes import AverageRecipe, MlpRecipe
from trainer.workers.fitting import threads_each


@pytest.mark.parametrize("kind", ["mlp", "softmax", "seed"])
def test_gradient_recipes_take_workers(kind: str) -> None:
    """The number goes into the recipe's document and comes back."""
    document = recipes.to_dict(recipes.from_dict({"kind": kind, "workers": 4}))
    assert document["workers"] == 4
    assert recipes.to_dict(recipes.from_dict({"kind": kind}))["workers"] == 0


@pytest.mark.parametrize("kind", ["auto", "lda", "logistic", "average"])
def test_other_recipes_refuse_them(kind: str) -> None:
    """They are not made of gradient steps; the error names the setting."""
    with pytest.raises(InvalidArgumentError, match="workers") as refused:
        recipes.from_dict({"kind": kind, "workers": 2})
    assert refused.value.reason == "INVALID_RECIPE"


def test_members_of_an_average_refuse_them() -> None:
    """An average is trained in the trainer's process, and does not pass over the wish in silence."""
    with pytest.raises(InvalidArgumentError, match="workers"):
        AverageRecipe(members=(MlpRecipe(workers=2),), factors=(1.0,))


@pytest.mark.parametrize("workers", [-1, 17, 1.5])
def test_a_wrong_number_is_refused(workers: float) -> None:
    """Each holds TensorFlow and all vectors: there is a most."""
    with pytest.raises(InvalidArgumentError, match=r"recipe\.workers"):
        recipes.from_dict({"kind": "mlp", "workers": workers})


def test_workers_share_the_trainers_threads() -> None:
    """Each has its part, and at least one."""
    assert [threads_each(threads, 4) for threads in (1, 4, 9)] == [1, 1, 2]
