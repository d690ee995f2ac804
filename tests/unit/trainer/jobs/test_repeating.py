"""The recipe that repeats a version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graft.errors import InvalidArgumentError, NotFoundError
from trainer.jobs.repeating import recipe_like, refuse_both
from trainer.recipes import AutoRecipe, AverageRecipe, LdaRecipe, MlpRecipe, to_dict


class _Versions:
    """A registry of one version with these facts."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.manifest = json.dumps(facts)

    def get_version(self, classifier: str, version: int) -> _Versions:
        """Return the one there is."""
        if (classifier, version) != ("faces", 1):
            raise NotFoundError("version", f"{classifier}@{version}", reason="VERSION_NOT_FOUND")
        return self


def test_a_version_is_repeated_by_its_whole_recipe() -> None:
    """Every value of it; of one that a search made, what was chosen."""
    plain: Any = _Versions({"recipe": to_dict(MlpRecipe(dropout=0.1))})
    assert recipe_like(plain, "faces", 1) == to_dict(MlpRecipe(dropout=0.1))
    chosen = to_dict(AverageRecipe((LdaRecipe(),), (0.5,)))
    searched: Any = _Versions({"recipe": to_dict(AutoRecipe()), "search": {"chosen": chosen}})
    assert recipe_like(searched, "faces", 1) == chosen
    with pytest.raises(NotFoundError):
        recipe_like(searched, "faces", 2)


def test_a_recipe_beside_it_is_refused() -> None:
    """A request that says how to train twice is named."""
    refuse_both(given=False)
    with pytest.raises(InvalidArgumentError) as caught:
        refuse_both(given=True)
    assert caught.value.reason == "RECIPE_AND_LIKE"
