"""Jobs on the wire: why one failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graft.errors import Code
from trainer.catalog.job_records import JobState
from trainer.recipes import MlpRecipe, to_dict
from trainer.service.job_messages import job_message

if TYPE_CHECKING:
    from trainer.catalog.jobs import JobStore


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("DISK_FULL", Code.RESOURCE_EXHAUSTED),
        ("EXTRACTOR_UNAVAILABLE", Code.UNAVAILABLE),
        ("FINGERPRINT_CHANGED", Code.FAILED_PRECONDITION),
        ("INTERNAL", Code.INTERNAL),
    ],
)
def test_a_reason_has_its_status(jobs: JobStore, reason: str, code: Code) -> None:
    """What a job failed for has on the wire the status that a call would have failed with."""
    job = jobs.create("faces", "faces", to_dict(MlpRecipe()))
    jobs.move(job.number, JobState.FAILED, reason=reason, message="why")
    message = job_message(jobs.get(job.job_id))
    assert (message.error.code, message.error.message) == (code, "why")
    assert list(message.recipe.hidden_units) == [512, 128]
