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


COMPARISON = trainer_pb2.Comparison(
    examples=4,
    labels=2,
    folds=2,
    seed=3,
    methods=[
        trainer_pb2.ComparedMethod(
            name=name,
            description=f"the {name}",
            accuracy=accuracy,
            accuracy_low=accuracy - 0.1,
            accuracy_high=accuracy + 0.05,
            accuracies=[accuracy, accuracy],
            feature_seconds=seconds,
            fit_seconds=0.5,
        )
        for name, accuracy, seconds in (("hog", 0.625, 1.5), ("mlp", 0.875, 0.0))
    ],
)

DIAGNOSIS = trainer_pb2.Diagnosis(
    example_count=40,
    picture_count=39,
    preview_count=38,
    judged_count=37,
    near_duplicate_groups=1,
    lists=[
        trainer_pb2.FindingList(
            kind=trainer_pb2.FINDING_KIND_NEAR_DUPLICATE,
            total=1,
            advice="Keep one.",
            findings=[
                trainer_pb2.Finding(
                    pictures=[
                        trainer_pb2.DiagnosedPicture(digest=b"a" * 32, label="anna", source="anna/1.jpg", part=1),
                        trainer_pb2.DiagnosedPicture(digest=b"b" * 32, label="anna", source="anna/2.jpg", part=3),
                    ],
                    score=0.995,
                    group=1,
                    count=2,
                )
            ],
        ),
        trainer_pb2.FindingList(
            kind=trainer_pb2.FINDING_KIND_MISLABELLED,
            total=30,
            advice="Look at each.",
            findings=[
                trainer_pb2.Finding(
                    pictures=[
                        trainer_pb2.DiagnosedPicture(digest=b"c" * 32, label="anna", source="anna/3.jpg", part=1)
                    ],
                    label="bert",
                    score=0.875,
                )
            ]
            * 3,
        ),
        trainer_pb2.FindingList(
            kind=trainer_pb2.FINDING_KIND_SMALL_CLASS,
            total=1,
            findings=[trainer_pb2.Finding(label="bert", count=3, empty_parts=[trainer_pb2.PART_TEST])],
        ),
        trainer_pb2.FindingList(kind=trainer_pb2.FINDING_KIND_OUTLIER),
        trainer_pb2.FindingList(
            kind=trainer_pb2.FINDING_KIND_LABEL_CONFLICT,
            total=5,
            findings=[
                trainer_pb2.Finding(
                    pictures=[
                        trainer_pb2.DiagnosedPicture(digest=b"d" * 32, label=label, source=f"{label}/4.jpg", part=1)
                        for label in ("anna", "bert")
                    ]
                )
            ]
            * 5,
        ),
    ],
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

    def CompareMethods(self, request: Any, context: Any) -> Any:
        if request.dataset not in self.state.datasets:
            fail(context, NotFoundError("dataset", request.dataset))
        self.state.requests.append(request)
        comparison = trainer_pb2.Comparison()
        comparison.CopyFrom(COMPARISON)
        comparison.dataset = request.dataset
        progress = trainer_pb2.TrainingProgress(phase="fitting", done=1, total=4)
        yield trainer_pb2.CompareMethodsResponse(progress=progress)
        yield trainer_pb2.CompareMethodsResponse(comparison=comparison)

    def DiagnoseDataset(self, request: Any, context: Any) -> Any:
        if request.dataset not in {*self.state.datasets, "sound"}:
            fail(context, NotFoundError("dataset", request.dataset))
        self.state.requests.append(request)
        diagnosis = trainer_pb2.Diagnosis()
        if request.dataset != "sound":
            diagnosis.CopyFrom(DIAGNOSIS)
        diagnosis.dataset = request.dataset
        diagnosis.page = b"<html>" if request.include_page else b""
        progress = trainer_pb2.TrainingProgress(phase="pairing", done=1, total=2)
        yield trainer_pb2.DiagnoseDatasetResponse(progress=progress)
        yield trainer_pb2.DiagnoseDatasetResponse(diagnosis=diagnosis)

    def GetReport(self, request: Any, context: Any) -> Any:
        if request.classifier not in self.state.aliases:
            fail(context, NotFoundError("version", f"{request.classifier}@{request.version}"))
        yield trainer_pb2.GetReportResponse(progress=trainer_pb2.TrainingProgress(phase="loading", done=1, total=2))
        yield trainer_pb2.GetReportResponse(page=f"<html>{request.classifier} {request.version}".encode())
