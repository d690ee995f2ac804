"""The method that compares ways to classify."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graft.v1 import trainer_pb2 as pb
from trainer.comparison.comparing import Comparison
from trainer.service.analyses import AnalysisMethods
from trainer.service.job_messages import progress_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.comparison.comparing import Comparing
    from trainer.jobs.progress import Progress

    Context = Any


class ComparisonMethods(AnalysisMethods):
    """Comparisons on the wire.

    Args:
        comparing: makes them.
    """

    def __init__(self, comparing: Comparing, **others: Any) -> None:
        super().__init__(**others)
        self._comparing = comparing

    async def CompareMethods(
        self, request: pb.CompareMethodsRequest, context: Context
    ) -> AsyncIterator[pb.CompareMethodsResponse]:
        """Test methods on the same folds."""

        def work(report: Callable[[Progress], None]) -> Comparison:
            return self._comparing.compare(request.dataset, list(request.methods), request.folds, request.seed, report)

        async with aclosing(self._analyses.run(work)) as steps:
            async for step in steps:
                if isinstance(step, Comparison):
                    yield pb.CompareMethodsResponse(comparison=_message(step))
                else:
                    yield pb.CompareMethodsResponse(progress=progress_message(step))


def _message(comparison: Comparison) -> pb.Comparison:
    return pb.Comparison(
        dataset=comparison.dataset,
        examples=comparison.pictures,
        labels=comparison.labels,
        folds=comparison.folds,
        seed=comparison.seed,
        methods=[
            pb.ComparedMethod(
                name=each.name,
                description=each.description,
                accuracy=each.accuracy,
                accuracy_low=each.low,
                accuracy_high=each.high,
                accuracies=each.accuracies,
                feature_seconds=each.feature_seconds,
                fit_seconds=each.fit_seconds,
            )
            for each in comparison.methods
        ],
    )
