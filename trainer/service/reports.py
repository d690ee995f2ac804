"""The method that makes reports."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graft.v1 import trainer_pb2 as pb
from trainer.report.page import report_page
from trainer.service.analyses import AnalysisMethods
from trainer.service.job_messages import progress_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.jobs.progress import Progress
    from trainer.report.contents import Reports

    Context = Any


class ReportMethods(AnalysisMethods):
    """Reports on the wire.

    Args:
        reports: gathers them.
    """

    def __init__(self, reports: Reports, **others: Any) -> None:
        super().__init__(**others)
        self._reports = reports

    async def GetReport(self, request: pb.GetReportRequest, context: Context) -> AsyncIterator[pb.GetReportResponse]:
        """Make the report of a version."""

        def work(report: Callable[[Progress], None]) -> bytes:
            return report_page(self._reports.gather(request.classifier, request.version, report))

        async with aclosing(self._analyses.run(work)) as steps:
            async for step in steps:
                if isinstance(step, bytes):
                    yield pb.GetReportResponse(page=step)
                else:
                    yield pb.GetReportResponse(progress=progress_message(step))
