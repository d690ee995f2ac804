"""The diagnosis of a dataset: what is asked for, and how the answer is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graft.client import wire_records
from graft.client.analyses import analysis
from graft.client.diagnosis_records import DiagnosedPicture, Diagnosis, Finding, FindingKind, FindingList
from graft.client.effects import Method
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from graft.client.effects import Steps
    from graft.client.job_records import Progress

_KINDS: Final = {
    trainer_pb2.FindingKind.Value(f"FINDING_KIND_{kind.name}"): kind
    for kind in FindingKind
    if kind is not FindingKind.UNSPECIFIED
}


def diagnose(dataset: str, max_findings: int, *, page: bool) -> Steps[Progress | Diagnosis]:
    """Emit how far the diagnosis is, then the diagnosis."""
    request = trainer_pb2.DiagnoseDatasetRequest(dataset=dataset, max_findings=max_findings, include_page=page)
    return analysis(Method("TrainerService", "DiagnoseDataset"), request, "diagnosis", _diagnosis)


def _diagnosis(wire: trainer_pb2.Diagnosis) -> Diagnosis:
    return Diagnosis(
        dataset=wire.dataset,
        example_count=wire.example_count,
        picture_count=wire.picture_count,
        preview_count=wire.preview_count,
        judged_count=wire.judged_count,
        near_duplicate_groups=wire.near_duplicate_groups,
        lists=tuple(
            FindingList(
                _KINDS.get(each.kind, FindingKind.UNSPECIFIED),
                each.total,
                tuple(_finding(finding) for finding in each.findings),
                each.advice,
            )
            for each in wire.lists
        ),
        page=wire.page,
    )


def _finding(wire: trainer_pb2.Finding) -> Finding:
    return Finding(
        pictures=tuple(_picture(each) for each in wire.pictures),
        label=wire.label,
        score=wire.score,
        group=wire.group,
        count=wire.count,
        by_vectors=wire.by_vectors,
        empty_parts=tuple(wire_records.part(each) for each in wire.empty_parts),
    )


def _picture(wire: trainer_pb2.DiagnosedPicture) -> DiagnosedPicture:
    part = wire_records.part(wire.part)
    return DiagnosedPicture(wire.digest, wire.label, wire.source, part, tuple(wire.further_sources))
