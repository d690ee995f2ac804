"""Analyses through both clients: progress, then the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from graft.client import Comparison, LearningCurve, Progress, Recipe
from graft.errors import NotFoundError

if TYPE_CHECKING:
    from graft.client import AsyncClient, Client


async def test_a_learning_curve_comes_after_its_progress(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Both clients ask the same and get the same, figures and page."""
    client.create_dataset("faces")
    asked: dict[str, Any] = {"counts": [5, 20], "repeats": 2, "wished_accuracy": 0.93, "page": True}
    got = [
        list(client.learning_curve("faces", Recipe(kind="mlp", seed=3), **asked)),
        [each async for each in aclient.learning_curve("faces", Recipe(kind="mlp", seed=3), **asked)],
    ]
    first, second = gateway.state.requests[-2:]
    assert first == second
    assert (first.recipe.kind, first.recipe.seed, list(first.counts), first.repeats) == ("mlp", 3, [5, 20], 2)
    assert got[0] == got[1]
    *progress, curve = got[0]
    assert [(each.done, each.total) for each in progress if isinstance(each, Progress)] == [(0, 2), (1, 2)]
    assert isinstance(curve, LearningCurve)
    assert [(each.pictures_per_class, each.accuracy) for each in curve.points] == [(5, 0.75), (20, 0.875)]
    assert (curve.pictures_needed_per_class, curve.needed_is_extrapolated, curve.page) == (60, True, b"<html>")


async def test_a_comparison_comes_after_its_progress(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Both clients ask the same and get the same."""
    client.create_dataset("faces")
    got = [
        list(client.compare("faces", ["hog", "mlp"], folds=2, seed=3)),
        [each async for each in aclient.compare("faces", ["hog", "mlp"], folds=2, seed=3)],
    ]
    first, second = gateway.state.requests[-2:]
    assert first == second
    assert (list(first.methods), first.folds, first.seed) == (["hog", "mlp"], 2, 3)
    assert got[0] == got[1]
    progress, comparison = got[0]
    assert isinstance(progress, Progress)
    assert isinstance(comparison, Comparison)
    assert [(each.name, each.accuracy, each.feature_seconds) for each in comparison.methods] == [
        ("hog", 0.625, 1.5),
        ("mlp", 0.875, 0.0),
    ]


async def test_a_report_is_a_page(client: Client, aclient: AsyncClient) -> None:
    """After its progress, the same to both; an unknown version is an error."""
    *_, page = client.report("faces", 2)
    assert page == b"<html>faces 2"
    assert [each async for each in aclient.report("faces", 2)][-1] == page
    with pytest.raises(NotFoundError):
        list(client.report("nobody", 1))


async def test_a_curve_that_does_not_tell_says_so(client: Client) -> None:
    """No number is None, not 0; no page was asked for."""
    *_, curve = client.learning_curve("unsure")
    assert isinstance(curve, LearningCurve)
    assert curve.pictures_needed_per_class is None
    assert curve.page == b""


async def test_an_analysis_of_an_unknown_dataset_is_an_error(client: Client, aclient: AsyncClient) -> None:
    """It comes with the iteration."""
    with pytest.raises(NotFoundError):
        list(client.learning_curve("nobody"))
    with pytest.raises(NotFoundError):
        [each async for each in aclient.learning_curve("nobody")]
