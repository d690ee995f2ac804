"""Analyses of the trainer: what each asks for, and the steps that emit its progress, then its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.client import wire_recipes, wire_records
from graft.client.comparison_records import ComparedMethod, Comparison
from graft.client.curve_records import LearningCurve, LearningCurvePoint
from graft.client.effects import Emit, Method, Open, Receive
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graft.client.effects import Steps
    from graft.client.job_records import Progress, Recipe


def learning_curve(
    dataset: str, recipe: Recipe | None, counts: Sequence[int], repeats: int, wished_accuracy: float, *, page: bool
) -> Steps[Progress | LearningCurve]:
    """Emit how far the measuring is, then the curve."""
    request = trainer_pb2.MeasureLearningCurveRequest(
        dataset=dataset,
        recipe=None if recipe is None else wire_recipes.wire_recipe(recipe),
        counts=counts,
        repeats=repeats,
        wished_accuracy=wished_accuracy,
        include_page=page,
    )
    return analysis(Method("TrainerService", "MeasureLearningCurve"), request, "curve", _curve)


def comparison(dataset: str, methods: Sequence[str], folds: int, seed: int) -> Steps[Progress | Comparison]:
    """Emit how far the comparison is, then its outcome."""
    request = trainer_pb2.CompareMethodsRequest(dataset=dataset, methods=methods, folds=folds, seed=seed)
    return analysis(Method("TrainerService", "CompareMethods"), request, "comparison", _comparison)


def report(classifier: str, version: int) -> Steps[Progress | bytes]:
    """Emit how far the report is, then the page."""
    request = trainer_pb2.GetReportRequest(classifier=classifier, version=version)
    return analysis(Method("TrainerService", "GetReport"), request, "page", bytes)


def analysis(method: Method, request: Any, outcome: str, parse: Callable[[Any], Any]) -> Steps[Any]:
    """Emit the progress of an analysis, then what its last message holds in the field `outcome`, parsed."""
    yield Open(method, request)
    while (response := (yield Receive())) is not None:
        match response.WhichOneof("step"):
            case "progress":
                yield Emit(wire_records.progress(response.progress))
            case field if field == outcome:
                yield Emit(parse(getattr(response, outcome)))


def _curve(wire: trainer_pb2.LearningCurve) -> LearningCurve:
    return LearningCurve(
        dataset=wire.dataset,
        recipe=wire_recipes.recipe(wire.recipe),
        labels=wire.labels,
        test_examples=wire.test_examples,
        points=tuple(
            LearningCurvePoint(
                each.pictures_per_class,
                each.pictures,
                each.short_classes,
                each.accuracy,
                each.accuracy_low,
                each.accuracy_high,
                tuple(each.accuracies),
            )
            for each in wire.points
        ),
        wished_accuracy=wire.wished_accuracy,
        pictures_needed_per_class=wire.pictures_needed_per_class or None,
        needed_is_extrapolated=wire.needed_is_extrapolated,
        page=wire.page,
    )


def _comparison(wire: trainer_pb2.Comparison) -> Comparison:
    methods = tuple(
        ComparedMethod(
            each.name,
            each.description,
            each.accuracy,
            each.accuracy_low,
            each.accuracy_high,
            tuple(each.accuracies),
            each.feature_seconds,
            each.fit_seconds,
        )
        for each in wire.methods
    )
    return Comparison(wire.dataset, wire.examples, wire.labels, wire.folds, wire.seed, methods)
