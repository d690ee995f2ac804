"""The method that diagnoses datasets."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from graft.v1 import trainer_pb2 as pb
from trainer.datasets.split import Part
from trainer.diagnosis.findings import ADVICE, Diagnosis, Kind
from trainer.diagnosis.page import diagnosis_page
from trainer.service.analyses import AnalysisMethods
from trainer.service.job_messages import progress_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trainer.diagnosis.doctor import Doctor
    from trainer.diagnosis.findings import Finding, FindingList, Picture
    from trainer.jobs.progress import Progress

    Context = Any

_DEFAULT_FINDINGS: Final = 100
_MAX_FINDINGS: Final = 1000
_PARTS = {
    Part.TRAINING: pb.PART_TRAIN,
    Part.VALIDATION: pb.PART_VALIDATION,
    Part.TEST: pb.PART_TEST,
}
_KINDS = {kind: pb.FindingKind.Value(f"FINDING_KIND_{kind.name}") for kind in Kind}


class DiagnosisMethods(AnalysisMethods):
    """Diagnoses on the wire.

    Args:
        doctor: makes them.
    """

    def __init__(self, doctor: Doctor, **others: Any) -> None:
        super().__init__(**others)
        self._doctor = doctor

    async def DiagnoseDataset(
        self, request: pb.DiagnoseDatasetRequest, context: Context
    ) -> AsyncIterator[pb.DiagnoseDatasetResponse]:
        """Look for what is wrong with a dataset."""
        most = min(request.max_findings or _DEFAULT_FINDINGS, _MAX_FINDINGS)

        def work(report: Callable[[Progress], None]) -> tuple[Diagnosis, bytes]:
            diagnosis = self._doctor.examine(request.dataset, most, report)
            return diagnosis, diagnosis_page(diagnosis, self._doctor.previews) if request.include_page else b""

        async with aclosing(self._analyses.run(work)) as steps:
            async for step in steps:
                if isinstance(step, tuple):
                    yield pb.DiagnoseDatasetResponse(diagnosis=_diagnosis_message(*step))
                else:
                    yield pb.DiagnoseDatasetResponse(progress=progress_message(step))


def _diagnosis_message(diagnosis: Diagnosis, page: bytes) -> pb.Diagnosis:
    return pb.Diagnosis(
        dataset=diagnosis.dataset,
        example_count=diagnosis.examples,
        picture_count=diagnosis.pictures,
        preview_count=diagnosis.previews,
        judged_count=diagnosis.judged,
        near_duplicate_groups=diagnosis.groups,
        lists=[_list_message(each) for each in diagnosis.lists],
        page=page,
    )


def _list_message(each: FindingList) -> pb.FindingList:
    return pb.FindingList(
        kind=_KINDS[each.kind],
        total=each.total,
        findings=[_finding_message(finding) for finding in each.findings],
        advice=ADVICE[each.kind],
    )


def _finding_message(finding: Finding) -> pb.Finding:
    return pb.Finding(
        pictures=[_picture_message(picture) for picture in finding.pictures],
        label=finding.label,
        score=finding.score,
        group=finding.group,
        count=finding.count,
        by_vectors=finding.by_vectors,
        empty_parts=[_PARTS[part] for part in finding.empty_parts],
    )


def _picture_message(picture: Picture) -> pb.DiagnosedPicture:
    return pb.DiagnosedPicture(
        digest=picture.digest,
        label=picture.label,
        source=picture.source,
        part=_PARTS[picture.part],
        further_sources=picture.further_sources,
    )
