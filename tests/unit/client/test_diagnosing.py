"""Diagnoses through both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from graft.client import Diagnosis, FindingKind, Part, Progress
from graft.errors import NotFoundError

if TYPE_CHECKING:
    from graft.client import AsyncClient, Client


async def test_a_diagnosis_comes_after_its_progress(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Both clients ask the same and get the same: findings by kind with their pictures, and the page."""
    client.create_dataset("faces")
    got = [
        list(client.diagnose("faces", max_findings=7, page=True)),
        [each async for each in aclient.diagnose("faces", max_findings=7, page=True)],
    ]
    first, second = gateway.state.requests[-2:]
    assert first == second
    assert (first.dataset, first.max_findings, first.include_page) == ("faces", 7, True)
    assert got[0] == got[1]
    progress, diagnosis = got[0]
    assert isinstance(progress, Progress)
    assert isinstance(diagnosis, Diagnosis)
    assert (progress.phase, diagnosis.page) == ("pairing", b"<html>")
    near, wrong, small, strange, conflicts = diagnosis.lists
    assert [picture.part for picture in near.findings[0].pictures] == [Part.TRAIN, Part.TEST]
    assert (wrong.total, len(wrong.findings), wrong.findings[0].label) == (30, 3, "bert")
    assert small.findings[0].empty_parts == (Part.TEST,)
    assert [each.label for each in conflicts.findings[0].pictures] == ["anna", "bert"]
    assert (strange.kind, strange.findings) == (FindingKind.OUTLIER, ())
    assert diagnosis.total(FindingKind.MISLABELLED) == 30
    assert diagnosis.total(FindingKind.UNREADABLE) == 0


def test_an_unknown_dataset_is_an_error(client: Client) -> None:
    """It comes with the iteration."""
    with pytest.raises(NotFoundError):
        list(client.diagnose("nobody"))
