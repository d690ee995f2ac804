"""A fake of the trainer's analyses: some progress, then a fixed outcome."""

# ruff: noqa: D102 - the methods are the wire's own; protos/ says what they do

from __future__ import annotations

from typing import Any

from fake_state import fail

from graft.errors import NotFoundError
from graft.v1 import trainer_pb2, trainer_pb2_grpc

CURVE = trainer_pb2.LearningCurve(
    recipe=trainer_pb2.Recipe(kind="mlp", seed=3),
    labels=2,
    test_examples=20,
    points=[
        trainer_pb2.LearningCurvePoint(
            pictures_per_class=count,
            pictures=2 * count,
            accuracy=accuracy,
            accuracy_low=accuracy - 0.1,
            accuracy_high=accuracy + 0.05,
            accuracies=[accuracy, accuracy],
        )
        for count, accuracy in ((5, 0.75), (20, 0.875))
    ],
    wished_accuracy=0.93,
    pictures_needed_per_class=60,
    needed_is_extrapolated=True,
)


class Analyses(trainer_pb2_grpc.TrainerServiceServicer):
    """Knows every outcome before it is asked for; remembers what it was asked.

    A dataset called `unsure` has a curve that does not tell how many pictures a wish takes.
    """

    state: Any

    def MeasureLearningCurve(self, request: Any, context: Any) -> Any:
        if request.dataset not in {*self.state.datasets, "unsure"}:
            fail(context, NotFoundError("dataset", request.dataset))
        self.state.requests.append(request)
        curve = trainer_pb2.LearningCurve()
        curve.CopyFrom(CURVE)
        curve.dataset = request.dataset
        curve.page = b"<html>" if request.include_page else b""
        if request.dataset == "unsure":
            curve.pictures_needed_per_class = 0
        for done in (0, 1):
            progress = trainer_pb2.TrainingProgress(phase="fitting", done=done, total=2)
            yield trainer_pb2.MeasureLearningCurveResponse(progress=progress)
        yield trainer_pb2.MeasureLearningCurveResponse(curve=curve)
