"""The method that measures learning curves."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graft.v1 import trainer_pb2 as pb
from trainer import recipes
from trainer.learning_curve.measuring import LearningCurve, Question
from trainer.learning_curve.page import learning_curve_page
from trainer.service.analyses import AnalysisMethods
from trainer.service.job_messages import progress_message
from trainer.service.recipe_messages import recipe_document, recipe_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.jobs.progress import Progress
    from trainer.learning_curve.measuring import LearningCurves, Point

    Context = Any


class LearningCurveMethods(AnalysisMethods):
    """Learning curves on the wire.

    Args:
        learning_curves: measures them.
    """

    def __init__(self, learning_curves: LearningCurves, **others: Any) -> None:
        super().__init__(**others)
        self._learning_curves = learning_curves

    async def MeasureLearningCurve(
        self, request: pb.MeasureLearningCurveRequest, context: Context
    ) -> AsyncIterator[pb.MeasureLearningCurveResponse]:
        """Train on sets of several sizes."""
        recipe = recipes.from_dict(recipe_document(request.recipe))
        question = Question(tuple(request.counts), request.repeats, request.wished_accuracy).checked()

        def work(report: Callable[[Progress], None]) -> tuple[LearningCurve, bytes]:
            curve = self._learning_curves.measure(request.dataset, recipe, question, report)
            return curve, learning_curve_page(curve) if request.include_page else b""

        async with aclosing(self._analyses.run(work)) as steps:
            async for step in steps:
                if isinstance(step, tuple):
                    yield pb.MeasureLearningCurveResponse(curve=_curve_message(*step))
                else:
                    yield pb.MeasureLearningCurveResponse(progress=progress_message(step))


def _curve_message(curve: LearningCurve, page: bytes) -> pb.LearningCurve:
    return pb.LearningCurve(
        dataset=curve.dataset,
        recipe=recipe_message(recipes.to_dict(curve.recipe)),
        labels=curve.labels,
        test_examples=curve.test_examples,
        points=[_point_message(point) for point in curve.points],
        wished_accuracy=curve.wished_accuracy,
        pictures_needed_per_class=curve.needed.per_class if curve.needed else 0,
        needed_is_extrapolated=bool(curve.needed and curve.needed.extrapolated),
        page=page,
    )


def _point_message(point: Point) -> pb.LearningCurvePoint:
    return pb.LearningCurvePoint(
        pictures_per_class=point.per_class,
        pictures=point.pictures,
        short_classes=point.short_classes,
        accuracy=point.accuracy,
        accuracy_low=point.low,
        accuracy_high=point.high,
        accuracies=point.accuracies,
    )
